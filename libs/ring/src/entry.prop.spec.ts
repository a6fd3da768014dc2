import { AppError } from '@vivace/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RingEntry } from './entry.ts';
import { mergeEntry, RING_STATES } from './entry.ts';
import { decodeEntries, encodeEntries } from './ring-codec.ts';
import { testRing } from './ring.fixture.ts';

const nowMs = 1_700_000_000_000;
// Few different values, so that ties happen.
const timeMs = fc.integer({ min: nowMs - 3, max: nowMs });
const pulse = fc.record({ timestampMs: timeMs, state: fc.constantFrom(...RING_STATES) });
const tokens = fc.uniqueArray(fc.nat(0xffffffff), { maxLength: 4 }).map((list) => Uint32Array.from(list).sort());
const info = fc.record({
  versionMs: timeMs,
  address: fc.constantFrom('a:1', 'b:1'),
  zone: fc.constantFrom('', 'z'),
  node: fc.constantFrom('', 'n'),
  registeredMs: fc.constantFrom(1, 2),
  tokens,
});
const entryOf = (id: fc.Arbitrary<string>): fc.Arbitrary<RingEntry> =>
  fc.record({ id, pulse: fc.option(pulse, { nil: undefined }), info: fc.option(info, { nil: undefined }) });
const entry = entryOf(fc.constant('m'));
const entries = fc.array(entryOf(fc.constantFrom('m1', 'm2', 'm3')), { maxLength: 12 });

describe('merging members', () => {
  it('is commutative, associative and idempotent', () => {
    fc.assert(
      fc.property(entry, entry, entry, (a, b, c) => {
        expect(mergeEntry(a, b)).toEqual(mergeEntry(b, a));
        expect(mergeEntry(mergeEntry(a, b), c)).toEqual(mergeEntry(a, mergeEntry(b, c)));
        expect(mergeEntry(a, a)).toBe(a);
        expect(mergeEntry(mergeEntry(a, b), b)).toEqual(mergeEntry(a, b));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('Ring.merge', () => {
  const stateOf = (ring: ReturnType<typeof testRing>) => [...ring.entries()].sort((a, b) => (a.id < b.id ? -1 : 1));

  it('converges in any order, with any repetition, by whole states or by the deltas it returns', () => {
    fc.assert(
      fc.property(entries, fc.infiniteStream(fc.nat()), (list, dice) => {
        const inOrder = testRing();
        const shuffled = testRing();
        const byDeltas = testRing();
        for (const one of list) for (const delta of inOrder.merge(encodeEntries([one]))) byDeltas.merge(delta.bytes);
        const pick = (): RingEntry => list[dice.next().value! % list.length];
        for (let i = 0; i < list.length; i++) shuffled.merge(encodeEntries([pick(), pick()]));
        shuffled.merge(encodeEntries(list.toReversed()));
        expect(stateOf(shuffled)).toEqual(stateOf(inOrder));
        expect(stateOf(byDeltas)).toEqual(stateOf(inOrder));
        expect(shuffled.merge(inOrder.encode())).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the codec of the ring state', () => {
  it('gives back what was written', () => {
    fc.assert(
      fc.property(entries, (list) => {
        expect(decodeEntries(encodeEntries(list), 100)).toEqual(list);
      }),
    );
  });

  it('refuses damaged bytes with an AppError, or reads a valid state', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(entries, damage, fc.nat(), (list, changes, cut) => {
        const bytes = encodeEntries(list);
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        try {
          const read = decodeEntries(bytes.subarray(0, cut % (bytes.length + 1)), 100);
          expect(decodeEntries(encodeEntries(read), 100)).toEqual(read);
        } catch (reason) {
          expect(reason).toBeInstanceOf(AppError);
        }
      }),
      { numRuns: 10_000 },
    );
  });
});
