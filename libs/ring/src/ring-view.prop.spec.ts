import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RING_STATES } from './entry.ts';
import { addMembers, fixedClock, RunningClock, seeded, testRing } from './ring.fixture.ts';
import type { Ring } from './ring.ts';
import type { RingView } from './ring-view.ts';
import { tenantSeed, traceToken } from './tokens.ts';
import { NO_MEMBER } from './topology.ts';

const KEYS = 4_000;

function randomKeys(seed: number, count = KEYS): Uint32Array {
  return Uint32Array.from({ length: count }, seeded(seed));
}

function rowsOf(view: RingView, keys: Uint32Array): string[][] {
  const width = view.policy.replicationFactor;
  const out = new Uint16Array(keys.length * width);
  view.locate(keys, keys.length, out);
  return [...keys].map((_, i) => [...out.subarray(i * width, (i + 1) * width)].filter((m) => m !== NO_MEMBER).map((m) => view.members[m].id));
}

const seed = fc.nat(0xffffffff);

describe('locate', () => {
  it('finds what a walk round the ring finds, for any states, health and zones', () => {
    const member = fc.record({ state: fc.constantFrom(...RING_STATES), zone: fc.constantFrom('a', 'b', 'c'), silentMs: fc.constantFrom(0, 90_000) });
    const shape = fc.record({ seed, members: fc.array(member, { maxLength: 7 }), zoneAware: fc.boolean(), extendWrites: fc.boolean() });
    fc.assert(
      fc.property(shape, ({ seed, members, zoneAware, extendWrites }) => {
        const clock = new RunningClock();
        const ring = testRing({ zoneAware, extendWrites, clock });
        const random = seeded(seed);
        members.forEach(({ state, zone }, i) => {
          const tokens = Uint32Array.from({ length: 5 }, random).sort();
          ring.put(`m${i}`, { state, info: { address: '', zone, registeredMs: i, tokens } });
        });
        clock.pass(90_000, ring);
        members.forEach(({ state, silentMs }, i) => silentMs === 0 && ring.put(`m${i}`, { state }));
        const keys = randomKeys(seed, 50);
        const circle = members
          .flatMap((m, i) => (m.state === 'LEFT' ? [] : [...ring.entry(`m${i}`)!.info!.tokens].map((token) => ({ token, id: `m${i}`, ...m }))))
          .sort((a, b) => a.token - b.token);
        const expected = [...keys].map((key) => {
          const from = circle.findIndex(({ token }) => token >= key);
          const walk = from < 0 ? circle : [...circle.slice(from), ...circle.slice(0, from)];
          const taken: string[] = [];
          const seen = new Set<string>();
          const zones = new Set<string>();
          let slots = 3;
          for (const { id, zone, state, silentMs } of walk) {
            if (slots === 0) break;
            if (seen.has(id) || (zoneAware && zones.has(zone))) continue;
            seen.add(id);
            const good = state === 'ACTIVE' && silentMs === 0;
            if (!good && (extendWrites || state === 'JOINING' || state === 'PENDING')) continue;
            zones.add(zone);
            slots--;
            if (good) taken.push(id);
          }
          return taken;
        });
        expect(rowsOf(ring.view(), keys)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('gives every key distinct members, in distinct zones when they are known', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 3, max: 20 }), fc.boolean(), (seed, count, zoneAware) => {
        const ring = testRing({ zoneAware });
        addMembers(ring, count, seeded(seed), (i) => ({ zone: `z${i % 3}` }));
        for (const row of rowsOf(ring.view(), randomKeys(seed, 200))) {
          expect(new Set(row).size).toBe(3);
          if (zoneAware) expect(new Set(row.map((id) => Number(id.slice(1)) % 3)).size).toBe(3);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('spreads keys: nobody has over 1.5 times the mean of all', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 3, max: 30 }), (seed, count) => {
        const ring = testRing();
        addMembers(ring, count, seeded(seed));
        const load = new Map<string, number>();
        const rows = rowsOf(ring.view(), randomKeys(seed + 1, 20_000));
        for (const row of rows) for (const id of row) load.set(id, (load.get(id) ?? 0) + 1);
        expect(load.size).toBe(count);
        expect(Math.max(...load.values()) / ((rows.length * 3) / count)).toBeLessThan(1.5);
      }),
      { numRuns: 20 },
    );
  });

  it('moves keys to a member that joins and from one that leaves, and no others', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 3, max: 12 }), (seed, count) => {
        const ring = testRing();
        addMembers(ring, count + 1, seeded(seed));
        const keys = randomKeys(seed, 500);
        const withIt = rowsOf(ring.view(), keys);
        ring.forget(`m${count}`);
        const without = rowsOf(ring.view(), keys);
        withIt.forEach((row, i) => {
          if (!row.includes(`m${count}`)) expect(without[i]).toEqual(row);
          else expect(without[i].filter((id) => !row.includes(id))).toHaveLength(count > 3 ? 1 : count - 2);
        });
      }),
      { numRuns: 50 },
    );
  });

  it('agrees in every process, also where members have chosen the same tokens', () => {
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(fc.nat(20), { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 6 }), (lists) => {
        const ring = testRing();
        const other = testRing();
        const deltas: Uint8Array[] = [];
        ring.onDelta(({ bytes }) => deltas.push(bytes));
        lists.forEach((tokens, i) =>
          ring.put(`m${i}`, { state: 'ACTIVE', info: { address: '', zone: '', registeredMs: i % 2, tokens: Uint32Array.from(tokens).sort() } }),
        );
        for (const bytes of deltas.toReversed()) other.merge(bytes);
        const keys = Uint32Array.from({ length: 22 }, (_, i) => i);
        expect(rowsOf(other.view(), keys)).toEqual(rowsOf(ring.view(), keys));
      }),
    );
  });
});

describe('quorums', () => {
  it('meet: whatever a read may miss, it asks somebody who acknowledged the write', () => {
    const member = fc.record({ state: fc.constantFrom('ACTIVE', 'ACTIVE', 'ACTIVE', 'LEAVING', 'JOINING'), sick: fc.nat(3).map((n) => n === 0) });
    const members = fc.array(member, { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(seed, members, fc.constantFrom(1, 2, 3, 5), fc.boolean(), fc.boolean(), (seed, members, replicationFactor, zoneAware, extendWrites) => {
        let nowMs = 1_700_000_000_000;
        const ring = testRing({ replicationFactor, zoneAware, extendWrites, clock: { now: () => nowMs } });
        addMembers(ring, members.length, seeded(seed), (i) => ({ state: members[i].state, zone: `z${i % 4}` }), 16);
        nowMs += 70_000;
        members.forEach(({ state, sick }, i) => sick || ring.put(`m${i}`, { state }));
        const view = ring.view();
        const random = seeded(seed);
        for (let i = 0; i < 20; i++) {
          const key = random();
          let written;
          try {
            written = view.writeSet(key);
          } catch {
            continue; // no write, nothing to find
          }
          // The fewest that make the write safe, chosen by dice.
          const acknowledged = shuffled(written.members, random).slice(0, written.quorum);
          for (const read of [view.readSetOf(key), view.readSet()]) {
            if (!read.complete) continue; // the answer says so
            const zones = new Set(shuffled([...new Set(read.members.map(({ zone }) => zone))], random).slice(0, zoneAware ? read.spare : 0));
            const answering = shuffled(read.members, random)
              .slice(zoneAware ? 0 : read.spare)
              .filter(({ zone }) => !zones.has(zone));
            expect(answering.some(({ id }) => acknowledged.some((member) => member.id === id))).toBe(true);
            const failed = read.members.filter(() => random() % 3 === 0);
            const others = read.members.filter((member) => !failed.includes(member));
            if (read.tolerates(failed)) expect(others.some(({ id }) => acknowledged.some((member) => member.id === id))).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('count a zone once, of which one is missing and another fails', () => {
    const clock = new RunningClock();
    const ring = testRing({ zoneAware: true, clock });
    addMembers(ring, 6, seeded(1), (i) => ({ zone: `z${i % 3}` }));
    clock.pass(70_000, ring); // over the heartbeat time-out
    for (const id of ['m0', 'm2', 'm3', 'm4', 'm5']) ring.put(id, { state: 'ACTIVE' });
    const { members, missing, spare, tolerates } = ring.view().readSet();
    expect([missing.map(({ id }) => id), spare]).toEqual([['m1'], 0]);
    const failing = (...ids: string[]) => tolerates(members.filter(({ id }) => ids.includes(id)));
    expect([failing(), failing('m4'), failing('m0'), failing('m4', 'm0')]).toEqual([true, true, false, false]);
  });

  it('say when more is missing than copies make up for', () => {
    const clock = new RunningClock();
    const ring = testRing({ clock });
    addMembers(ring, 5, seeded(1));
    clock.pass(70_000, ring); // over the heartbeat time-out
    for (const id of ['m0', 'm1', 'm2', 'm3']) ring.put(id, { state: 'ACTIVE' });
    expect(ring.view().readSet()).toMatchObject({ complete: true, spare: 0, missing: [{ id: 'm4' }] });
    clock.pass(70_000, ring);
    for (const id of ['m0', 'm1', 'm2']) ring.put(id, { state: 'ACTIVE' });
    expect(ring.view().readSet()).toMatchObject({ complete: false, spare: 0, missing: [{ id: 'm3' }, { id: 'm4' }] });
    clock.pass(70_000, ring);
    ring.put('m0', { state: 'ACTIVE' });
    expect(() => ring.view().writeSet(7)).toThrow('test ring: 1 of 3 replicas can be written to, want at least 2 active and healthy members');
  });
});

describe('a ring of which too little is known', () => {
  it.each([
    [0, false, 0],
    [1, false, 0],
    [2, true, 0],
    [3, true, 1],
  ])('of %i members can be read: %s, with %i failing', (count, complete, spare) => {
    const ring = testRing();
    addMembers(ring, count, seeded(1));
    expect(ring.view().readSet()).toMatchObject({ complete, spare });
    expect(ring.view().readSetOf(7)).toMatchObject({ complete, spare });
  });
});

/** What may happen to members between one write and the next. */
const EVENTS = ['join', 'leave', 'return', 'restart', 'silence', 'forget'] as const;
type RingEvent = readonly [kind: (typeof EVENTS)[number], who: number];
const events = fc.array(fc.tuple(fc.constantFrom(...EVENTS), fc.nat(20)), { minLength: 1, maxLength: 12 });

/** Plays events on a ring of `count` members, half a minute each, with a write before, between and after; who is asked must hold who was written to and is still there. */
function play(
  seed: number,
  count: number,
  zoneAware: boolean,
  story: readonly RingEvent[],
  written: (ring: Ring) => string[][],
  asked: (ring: Ring, sinceMs: number) => string[][],
): void {
  let nowMs = 1_700_000_000_000;
  const beganMs = nowMs;
  const ring = testRing({ clock: { now: () => nowMs }, zoneAware, heartbeatTimeoutMs: 20_000, forgetAfterMs: 60_000, leftTimeoutMs: 1e9 });
  addMembers(ring, count, seeded(seed), (i) => ({ registeredMs: beganMs - 7_200_000 + i, zone: `z${i % 3}` }), 16);
  const infos = new Map(ring.view().members.map(({ id }) => [id, ring.entry(id)!.info!]));
  const silent = new Set<string>();
  const leaving = new Set<string>();
  const random = seeded(seed + 1);
  const got = written(ring).map((ids) => new Set(ids));
  for (const [kind, who] of story) {
    const id = [...infos.keys()][who % infos.size];
    const known = infos.get(id)!;
    nowMs += 15_000;
    if (kind === 'join')
      infos.set(`new${infos.size}`, { ...known, registeredMs: nowMs, zone: `z${infos.size % 3}`, tokens: Uint32Array.from({ length: 16 }, random).sort() });
    else if (kind === 'leave') leaving.add(id), ring.put(id, { state: 'LEFT' });
    else if (kind === 'return') leaving.delete(id), silent.delete(id), infos.set(id, { ...known, registeredMs: nowMs });
    else if (kind === 'restart') ring.put(id, { state: 'LEAVING' });
    else if (kind === 'silence') silent.add(id);
    else silent.delete(id), ring.forget(id); // it lives, and its next heartbeat brings it back
    nowMs += kind === 'restart' ? 0 : 1_000;
    for (const [member, info] of infos) {
      if (silent.has(member) || leaving.has(member) || (kind === 'restart' && member === id) || (kind === 'forget' && member === id)) continue;
      const isNew = ring.entry(member)?.info?.registeredMs !== info.registeredMs;
      ring.put(member, { state: 'ACTIVE', ...(isNew && { info }) });
    }
    ring.sweep();
    written(ring).forEach((ids, i) => ids.forEach((one) => got[i].add(one)));
    nowMs += 14_000;
    for (const member of infos.keys()) if (!silent.has(member) && !leaving.has(member)) ring.put(member, { state: 'ACTIVE' });
    ring.sweep();
    written(ring).forEach((ids, i) => ids.forEach((one) => got[i].add(one)));
    const present = new Set(ring.view().members.map((member) => member.id));
    asked(ring, beganMs - 1).forEach((ids, i) => {
      for (const one of got[i]) if (present.has(one)) expect(ids).toContain(one);
    });
  }
}

describe('readSetOf with a look-back', () => {
  it('holds everybody the trace was written to while members came, left, came back, were restarted, silent or forgotten', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 3, max: 8 }), fc.boolean(), events, (seed, count, zoneAware, story) => {
        const keys = randomKeys(seed, 20);
        play(
          seed,
          count,
          zoneAware,
          story,
          (ring) => rowsOf(ring.view(), keys),
          (ring, sinceMs) =>
            [...keys].map((key) => {
              const { members, missing } = ring.view().readSetOf(key, sinceMs);
              return [...members, ...missing].map(({ id }) => id);
            }),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('asks everybody where there is one copy: whoever fails a write is replaced by the next', () => {
    const ring = testRing({ replicationFactor: 1 });
    addMembers(ring, 5, seeded(1));
    expect(ring.view().readSetOf(7).members).toHaveLength(5);
    const retried = ring.view().without(
      new Set(
        ring
          .view()
          .writeSet(7)
          .members.map(({ id }) => id),
      ),
    );
    expect(ring.view().readSetOf(7).members).toEqual(expect.arrayContaining([...retried.writeSet(7).members]));
  });

  it('holds everybody the trace may have been written to while members joined', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 3, max: 8 }), fc.integer({ min: 1, max: 6 }), fc.boolean(), (seed, count, joins, zoneAware) => {
        let nowMs = 1_700_000_000_000;
        const ring = testRing({ clock: { now: () => nowMs }, heartbeatTimeoutMs: 0, forgetAfterMs: 0, zoneAware });
        const beganMs = nowMs;
        addMembers(ring, count, seeded(seed), (i) => ({ registeredMs: beganMs, zone: `z${i % 3}` }));
        const keys = randomKeys(seed, 20);
        const written = rowsOf(ring.view(), keys).map((row) => new Set(row));
        const random = seeded(seed + 1);
        for (let i = 0; i < joins; i++) {
          nowMs += 60_000;
          const tokens = Uint32Array.from({ length: 128 }, random).sort();
          ring.put(`new${i}`, { state: 'ACTIVE', info: { address: '', zone: `z${i % 3}`, registeredMs: nowMs, tokens } });
          rowsOf(ring.view(), keys).forEach((row, k) => row.forEach((id) => written[k].add(id)));
        }
        keys.forEach((key, k) => {
          const asked = new Set(
            ring
              .view()
              .readSetOf(key, beganMs)
              .members.map(({ id }) => id),
          );
          for (const id of written[k]) expect(asked).toContain(id);
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe('shards of tenants', () => {
  const shardOf = (ring: ReturnType<typeof testRing>, tenant: string, size: number, lookbackMs = 0) =>
    new Set(ring.shard(tenant, size, lookbackMs).members.map(({ id }) => id));

  it('have the size asked for, the same number in every zone, and are the same everywhere', () => {
    fc.assert(
      fc.property(seed, fc.string(), fc.integer({ min: 1, max: 12 }), fc.boolean(), (seed, tenant, size, zoneAware) => {
        const [ring, other] = [testRing({ zoneAware }), testRing({ zoneAware })];
        addMembers(ring, 12, seeded(seed), (i) => ({ zone: `z${i % 3}` }));
        other.merge(ring.encode());
        const shard = shardOf(ring, tenant, size);
        const atLeast = Math.max(size, 3); // copies
        expect(shard.size).toBe(zoneAware ? Math.min(12, Math.ceil(atLeast / 3) * 3) : atLeast);
        expect(shardOf(other, tenant, size)).toEqual(shard);
        if (zoneAware)
          for (const row of rowsOf(ring.shard(tenant, size), randomKeys(seed, 20))) expect(new Set(row.map((id) => Number(id.slice(1)) % 3)).size).toBe(3);
      }),
      { numRuns: 100 },
    );
  });

  it('change by one place at most when a member joins or leaves', () => {
    fc.assert(
      fc.property(seed, fc.string(), fc.integer({ min: 1, max: 6 }), (seed, tenant, size) => {
        const ring = testRing();
        addMembers(ring, 10, seeded(seed));
        const before = shardOf(ring, tenant, size);
        ring.forget('m9');
        const after = shardOf(ring, tenant, size);
        expect([...before].filter((id) => !after.has(id)).length).toBe(before.has('m9') ? 1 : 0);
      }),
      { numRuns: 200 },
    );
  });

  it('are the whole ring at 0, and at more than there are', () => {
    const ring = testRing();
    addMembers(ring, 4, seeded(1));
    expect(ring.shard('t', 0)).toBe(ring.view());
    for (const size of [4, 9, Number.POSITIVE_INFINITY]) expect(ring.shard('t', size).members).toHaveLength(4);
    expect(ring.shard('t', 9).readSetOf(7).members, 'spans may have been written to a smaller shard').toHaveLength(4);
    expect(ring.view().readSetOf(7).members).toHaveLength(3);
  });

  it('are parts of larger ones', () => {
    fc.assert(
      fc.property(seed, fc.string(), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), fc.boolean(), (seed, tenant, a, b, zoneAware) => {
        const ring = testRing({ zoneAware });
        addMembers(ring, 12, seeded(seed), (i) => ({ zone: `z${i % 4}` }));
        const large = shardOf(ring, tenant, Math.max(a, b));
        for (const id of shardOf(ring, tenant, Math.min(a, b))) expect(large).toContain(id);
      }),
      { numRuns: 100 },
    );
  });

  it('with a look-back hold every member that got spans while members came, left, came back, were restarted, silent or forgotten', () => {
    fc.assert(
      fc.property(seed, fc.string(), fc.integer({ min: 1, max: 5 }), fc.boolean(), events, (seed, tenant, size, zoneAware, story) => {
        play(
          seed,
          8,
          zoneAware,
          story,
          (ring) => [ring.shard(tenant, size).members.map(({ id }) => id)],
          (ring, sinceMs) => [ring.shard(tenant, size, ring.options.clock.now() - sinceMs).members.map(({ id }) => id)],
        );
      }),
      { numRuns: 300 },
    );
  });

  it('with a look-back hold every member that got spans since then', () => {
    fc.assert(
      fc.property(seed, fc.string(), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 6 }), (seed, tenant, size, joins) => {
        let nowMs = 1_700_000_000_000;
        const ring = testRing({ clock: { now: () => nowMs }, heartbeatTimeoutMs: 0, forgetAfterMs: 0 });
        addMembers(ring, 8, seeded(seed), () => ({ registeredMs: nowMs - 7_200_000 }));
        const written = shardOf(ring, tenant, size);
        const random = seeded(seed + 1);
        for (let i = 0; i < joins; i++) {
          nowMs += 300_000;
          const tokens = Uint32Array.from({ length: 128 }, random).sort();
          ring.put(`new${i}`, { state: 'ACTIVE', info: { address: '', zone: '', registeredMs: nowMs, tokens } });
          for (const id of shardOf(ring, tenant, size)) written.add(id);
          const read = shardOf(ring, tenant, size, 3_600_000);
          for (const id of written) expect(read).toContain(id);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('traceToken', () => {
  it('spreads ids that differ in their last byte only', () => {
    const ring = testRing({ clock: fixedClock() });
    addMembers(ring, 3, seeded(5));
    const ids = Uint8Array.from({ length: 16 * 256 }, (_, i) => (i % 16 === 15 ? i >> 4 : 7));
    const tokens = Uint32Array.from({ length: 256 }, (_, i) => traceToken(tenantSeed('tenant'), ids, i * 16));
    const load = new Map<string, number>();
    for (const [first] of rowsOf(ring.view(), tokens)) load.set(first, (load.get(first) ?? 0) + 1);
    expect([...load.values()].every((n) => n > 40)).toBe(true);
  });

  it('is the FNV-1a of tenant and id', () => {
    // Published vector: FNV-1a 32 of "foobar" is bf9cf968; here the id is 13 of its bytes repeated.
    expect(tenantSeed('foobar')).toBe(0xbf9cf968);
    const id = new Uint8Array(16).fill(97);
    expect(traceToken(tenantSeed(''), id, 0)).toBe(tenantSeed('a'.repeat(16)));
  });
});

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((value) => ({ value, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}
