import { describe, expect, it } from 'vitest';
import { encodeEntries } from './ring-codec.ts';
import { addMembers, seeded, testRing } from './ring.fixture.ts';
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
