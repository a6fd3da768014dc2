import { describe, expect, it } from 'vitest';
import { encodeEntries } from './ring-codec.ts';
import { addMembers, fixedClock, RunningClock, seeded, testRing } from './ring.fixture.ts';
import { nameToken } from './tokens.ts';

const nowMs = 1_700_000_000_000;
const info = { address: '10.0.0.1:9095', zone: '', node: '', registeredMs: 1, versionMs: nowMs, tokens: Uint32Array.of(7) };

describe('Ring.merge', () => {
  it('changes nothing when any part of the bytes is malformed', () => {
    const ring = testRing();
    const good = encodeEntries([{ id: 'm', pulse: { timestampMs: nowMs, state: 'ACTIVE' }, info }]);
    expect(() => ring.merge(Uint8Array.from([...good, 1]))).toThrow('ring state: ');
    expect([...ring.entries()]).toEqual([]);
  });

  it('names news of heartbeats and of tokens apart, so that neither takes the place of the other', () => {
    const [ring, other] = [testRing(), testRing()];
    const news = new Map<string, Uint8Array>();
    ring.onDelta(({ name, bytes }) => news.set(name, bytes));
    ring.put('m', { state: 'JOINING', info });
    ring.put('m', { state: 'ACTIVE' });
    expect(news.size).toBe(2);
    for (const bytes of news.values()) expect(other.merge(bytes)).toHaveLength(1);
    expect(other.view().members).toMatchObject([{ id: 'm', state: 'ACTIVE' }]);
    expect(testRing().merge(ring.encode())).toHaveLength(2);
  });

  it('refuses what comes from the future', () => {
    const ring = testRing();
    ring.merge(encodeEntries([{ id: 'm', pulse: { timestampMs: nowMs + 700_000, state: 'ACTIVE' }, info }]));
    expect([...ring.entries()]).toEqual([]);
    expect(ring.refused).toBe(1);
  });

  it('holds at most 4096 members', () => {
    const ring = testRing();
    const entries = Array.from({ length: 4_096 }, (_, i) => ({ id: `m${i}`, pulse: { timestampMs: nowMs, state: 'ACTIVE' as const }, info: undefined }));
    ring.merge(encodeEntries(entries));
    ring.merge(encodeEntries([{ ...entries[0], id: 'one more' }]));
    expect([...ring.entries()]).toHaveLength(4_096);
    expect(ring.refused).toBe(1);
    expect(() => ring.merge(encodeEntries([...entries, ...entries]))).toThrow('ring state: has more than 4096 members');
  });

  it('takes nobody for silent because a clock is wrong: its own, or that of a member', () => {
    const clock = new RunningClock();
    const ring = testRing({ clock });
    const times = { slow: clock.ms - 200_000, right: clock.ms, fast: clock.ms + 300_000 };
    // Each beats all the while; slow and fast say what their clocks have.
    const beat = (ms: number): void => {
      for (const [id, from] of Object.entries(times)) {
        const timestampMs = from + ms;
        ring.merge(encodeEntries([{ id, pulse: { timestampMs, state: 'ACTIVE' }, info: { ...info, versionMs: 1 } }]));
      }
    };
    const states = () => Object.fromEntries([...ring.entries()].map((entry) => [entry.id, ring.isHealthy(entry, clock.ms) ? entry.pulse?.state : 'sick']));
    const good = { slow: 'ACTIVE', right: 'ACTIVE', fast: 'ACTIVE' };
    for (let s = 0; s < 600; s += 5) {
      beat(s * 1_000);
      clock.pass(5_000, ring);
      ring.sweep();
      if (s > 0) expect(states()).toEqual(good);
    }
    for (const jumpMs of [3_600_000, -7_200_000, 90_000]) {
      clock.ms += jumpMs;
      ring.sweep();
      expect(states()).toEqual(good);
      expect(ring.view().readSet().missing).toEqual([]);
    }
    // Those who are silent indeed are forgotten after as long as ever.
    clock.pass(61_000, ring);
    expect(states()).toEqual({ slow: 'sick', right: 'sick', fast: 'sick' });
    clock.pass(60_000, ring);
    ring.sweep();
    expect(ring.view().members).toEqual([]);
  });

  it('comes with a clock that is ahead, and takes nobody for gone', () => {
    const clock = new RunningClock();
    const ring = testRing({ clock });
    const beat = (timestampMs: number) => ring.merge(encodeEntries([{ id: 'm', pulse: { timestampMs, state: 'ACTIVE' }, info: { ...info, versionMs: 1 } }]));
    beat(clock.ms - 300_000);
    ring.sweep();
    expect(ring.entry('m')?.pulse?.state).toBe('ACTIVE');
    expect(ring.isHealthy(ring.entry('m')!, clock.ms)).toBe(false);
    beat(clock.ms - 295_000);
    expect(ring.isHealthy(ring.entry('m')!, clock.ms)).toBe(true);
  });

  it('takes a member for sick as long as only its heartbeats have come', () => {
    const clock = new RunningClock();
    const ring = testRing({ clock });
    const isHealthy = () => ring.isHealthy(ring.entry('m')!, clock.ms);
    ring.merge(encodeEntries([{ id: 'm', pulse: { timestampMs: clock.ms, state: 'ACTIVE' }, info: undefined }]));
    expect([isHealthy(), ring.view().members]).toEqual([false, []]);
    ring.merge(encodeEntries([{ id: 'm', pulse: undefined, info: { ...info, versionMs: 1 } }]));
    expect([isHealthy(), ring.view().active]).toEqual([true, 1]);
  });

  it('lets a member beat again whose clock was far ahead and is right again', () => {
    const clock = new RunningClock();
    const [mine, theirs] = [testRing({ clock }), testRing({ clock: fixedClock(clock.ms) })];
    mine.onDelta(({ bytes }) => theirs.merge(bytes));
    mine.put('m', { state: 'ACTIVE', info: { address: '', zone: '', registeredMs: 1, tokens: Uint32Array.of(1) } });
    clock.ms += 3_600_000;
    mine.put('m', { state: 'ACTIVE' });
    expect(theirs.refused).toBe(1);
    clock.ms -= 3_599_000;
    mine.put('m', { state: 'LEAVING' });
    expect(theirs.entry('m')?.pulse).toEqual({ state: 'LEAVING', timestampMs: clock.ms });
    expect(mine.entry('m')?.info?.tokens).toEqual(Uint32Array.of(1));
  });

  it('does not take back old news of a member that nobody remembers', () => {
    const ring = testRing();
    const old = { timestampMs: nowMs - 600_000, state: 'ACTIVE' as const };
    expect(ring.merge(encodeEntries([{ id: 'm', pulse: old, info: { ...info, versionMs: 1 } }]))).toEqual([]);
    expect(ring.refused).toBe(0);
  });
});

describe('Ring.view', () => {
  it('is the same object until something changes', () => {
    const ring = testRing();
    addMembers(ring, 3, seeded(1));
    const view = ring.view();
    ring.put('m0', { state: 'ACTIVE' });
    expect(ring.view()).toBe(view);
    ring.put('m0', { state: 'LEAVING' });
    expect(ring.view()).not.toBe(view);
  });

  it('takes a member for sick as soon as its node is known to be dead', () => {
    const dead = new Set<string>();
    let nowMs = 1_700_000_000_000;
    const ring = testRing({ isNodeDead: (node) => dead.has(node), clock: { now: () => nowMs } });
    addMembers(ring, 4, seeded(1));
    ring.put('m1', { info: { ...ring.entry('m1')!.info!, node: 'node-1' } });
    expect(ring.view().readSet().missing).toEqual([]);
    dead.add('node-1').add('');
    nowMs += 1_000;
    expect(ring.view().readSet().missing).toMatchObject([{ id: 'm1' }]);
    for (let token = 0; token < 100; token++)
      expect(
        ring
          .view()
          .writeSet(token * 2 ** 25)
          .members.map(({ id }) => id),
      ).not.toContain('m1');
  });

  it('leaves excluded zones out', () => {
    const ring = testRing({ excludedZones: ['z1'] });
    addMembers(ring, 4, seeded(1), (i) => ({ zone: `z${i % 2}` }));
    expect(ring.view().members.map(({ id }) => id)).toEqual(['m0', 'm2']);
  });

  it('names one healthy owner of a job, and nobody in an empty ring', () => {
    const ring = testRing({ replicationFactor: 1 });
    expect(ring.view().owner(nameToken('job'))).toBeUndefined();
    addMembers(ring, 3, seeded(1));
    const owner = ring.view().owner(nameToken('job'))!;
    expect(ring.view().owns(owner.id, nameToken('job'))).toBe(true);
    ring.put(owner.id, { state: 'LEAVING' });
    expect(ring.view().owns(owner.id, nameToken('job'))).toBe(false);
    expect(ring.view().owner(nameToken('job'))).toBeDefined();
  });

  it('gives rows without members while the ring is empty', () => {
    const out = new Uint16Array(6).fill(1);
    testRing().view().locate(Uint32Array.of(1, 2), 2, out);
    expect([...out]).toEqual(Array(6).fill(0xffff));
  });
});
