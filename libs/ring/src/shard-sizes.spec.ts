import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShardSizes } from './shard-sizes.ts';

const DELAY_MS = 60_000;
const LOOKBACK_MS = 3_600_000;
const ALL = Number.POSITIVE_INFINITY;

function setUp(first: Readonly<Record<string, number>>) {
  let nowMs = 1_700_000_000_000;
  const clock = { now: () => nowMs };
  const sizes = new ShardSizes({ delayMs: DELAY_MS, lookbackMs: LOOKBACK_MS, clock });
  const update = (next: Readonly<Record<string, number>>): void => sizes.update(new Map(Object.entries(next)));
  update(first);
  const pass = (ms: number): void => void (nowMs += ms);
  return { sizes, update, pass };
}

describe('the sizes of shards', () => {
  it('are those of the tenant, or of everybody else', () => {
    const { sizes } = setUp({ '*': 3, a: 5, b: 0 });
    expect(['a', 'b', 'c'].map((tenant) => sizes.forWrite(tenant))).toEqual([5, 0, 3]);
    expect(new ShardSizes({ delayMs: 0, lookbackMs: 0, clock: { now: () => 0 } }).forWrite('a')).toBe(0);
  });

  it('are followed by writes once readers know of them', () => {
    const { sizes, update, pass } = setUp({ '*': 0 });
    pass(LOOKBACK_MS * 2);
    update({ '*': 0, a: 3 });
    pass(DELAY_MS - 1);
    expect([sizes.forWrite('a'), sizes.forRead('a')]).toEqual([0, ALL]);
    pass(1);
    expect([sizes.forWrite('a'), sizes.forRead('a')]).toEqual([3, ALL]);
    pass(LOOKBACK_MS + DELAY_MS);
    expect(sizes.forRead('a')).toBe(ALL);
    pass(1);
    expect([sizes.forRead('a'), sizes.forRead('b')]).toEqual([3, 0]);
  });

  it('of the past are not known after a start: everybody is asked, unless nobody has a shard', () => {
    const { sizes, update, pass } = setUp({ '*': 0, a: 3 });
    expect([sizes.forRead('a'), sizes.forRead('b')]).toEqual([ALL, ALL]);
    pass(LOOKBACK_MS + 2 * DELAY_MS + 1);
    expect([sizes.forRead('a'), sizes.forRead('b')]).toEqual([3, 0]);
    update({ '*': 0, a: 3 });
    expect(sizes.forRead('a')).toBe(3);
    expect(setUp({ '*': 0, a: 0 }).sizes.forRead('a')).toBe(0);
  });

  it('for reads are never below those that writers have used since the look-back began, whenever they heard of changes', () => {
    const step = fc.record({ size: fc.nat(6), afterMs: fc.nat(LOOKBACK_MS) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 100 }), fc.nat(DELAY_MS), (steps, lateMs) => {
        const { sizes, update, pass } = setUp({ t: 1 });
        pass(2 * LOOKBACK_MS);
        let nowMs = 2 * LOOKBACK_MS;
        /** What writers go by, from when on. */
        const used = [{ size: 1, fromMs: 0 }];
        for (const { size, afterMs } of steps) {
          update({ t: size });
          used.push({ size, fromMs: nowMs + DELAY_MS + lateMs });
          pass(afterMs);
          nowMs += afterMs;
          const alive = used.filter(({ fromMs }, i) => fromMs <= nowMs && (used[i + 1]?.fromMs ?? ALL) >= nowMs - LOOKBACK_MS);
          const read = sizes.forRead('t');
          for (const { size } of alive) {
            if (size === 0) expect([0, ALL]).toContain(read);
            else expect(read).toBeGreaterThanOrEqual(size);
          }
        }
      }),
    );
  });

  it('changed more often than is remembered are not known', () => {
    const { sizes, update, pass } = setUp({ t: 9 });
    pass(2 * LOOKBACK_MS);
    for (let i = 0; i < 70; i++) update({ t: 1 + (i % 2) });
    expect(sizes.forRead('t')).toBe(ALL);
    pass(LOOKBACK_MS + 2 * DELAY_MS + 1);
    expect(sizes.forRead('t')).toBe(2);
  });
});
