import { expect, it } from 'vitest';
import { RingStability } from './ring-stability.ts';
import { addMembers, seeded, testRing } from './ring.fixture.ts';

function setUp(minMs = 60_000, maxMs = 300_000) {
  const clock = { ms: 1_700_000_000_000, now: () => clock.ms };
  const ring = testRing({ clock, heartbeatTimeoutMs: 0 });
  const stability = new RingStability(ring, { minMs, maxMs, clock });
  /** Looks once a second. */
  const pass = (ms: number): boolean => {
    for (const endMs = clock.ms + ms; clock.ms < endMs; ) {
      clock.ms += 1_000;
      stability.look();
    }
    return stability.isStable;
  };
  return { ring, stability, pass };
}

it('a ring is stable when nobody came or went for so long, and stays so', () => {
  const { ring, stability, pass } = setUp();
  expect(stability.isStable).toBe(false);
  expect(pass(59_000)).toBe(false);
  addMembers(ring, 2, seeded(1));
  expect(pass(60_000)).toBe(false);
  ring.put('m0', { state: 'LEAVING' });
  expect(pass(60_000)).toBe(false);
  expect(pass(1_000)).toBe(true);
  ring.put('m1', { state: 'LEAVING' });
  expect(pass(1_000)).toBe(true);
});

it('heartbeats are no change', () => {
  const { ring, pass } = setUp();
  addMembers(ring, 1, seeded(1));
  pass(1_000);
  for (let i = 0; i < 59; i++) {
    ring.put('m0', { state: 'ACTIVE' });
    expect(pass(1_000)).toBe(false);
  }
  ring.put('m0', { state: 'ACTIVE' });
  expect(pass(1_000)).toBe(true);
});

it('one that never stands still is waited for no longer than the longest time', () => {
  const { ring, pass } = setUp(60_000, 120_000);
  addMembers(ring, 1, seeded(1));
  const stable = Array.from({ length: 12 }, (_, i) => {
    ring.put('m0', { state: i % 2 === 0 ? 'LEAVING' : 'ACTIVE' });
    return pass(10_000);
  });
  expect(stable).toEqual([...Array.from({ length: 11 }, () => false), true]);
});

it('without a least time nothing is waited for', () => {
  const { stability } = setUp(0);
  stability.look();
  expect(stability.isStable).toBe(true);
});
