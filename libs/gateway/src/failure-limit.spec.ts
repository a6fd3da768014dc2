import { describe, expect, it } from 'vitest';
import { FailureLimit } from './failure-limit.ts';

describe('FailureLimit', () => {
  it('blocks a key until its window ends, gives back what was right, and remembers so many keys only', () => {
    let nowMs = 0;
    const limit = new FailureLimit({ maxFailures: 2, windowMs: 100, maxKeys: 2, clock: { now: () => nowMs } });
    limit.charge('a');
    limit.charge('a')();
    expect(limit.waitMs('a')).toBe(0);
    nowMs = 40;
    limit.charge('a');
    expect([limit.waitMs('a'), limit.waitMs('b')]).toEqual([60, 0]);
    nowMs = 100;
    expect(limit.waitMs('a')).toBe(0);
    for (const key of ['a', 'a', 'b', 'b']) limit.charge(key);
    expect([limit.waitMs('a'), limit.waitMs('b')]).toEqual([100, 100]);
    limit.charge('c');
    expect([limit.waitMs('a'), limit.waitMs('b')]).toEqual([0, 100]);
  });
});
