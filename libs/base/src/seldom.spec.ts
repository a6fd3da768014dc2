import { describe, expect, it } from 'vitest';
import { Seldom } from './seldom.ts';

describe('what is seldom told of', () => {
  function setUp() {
    const clock = { ms: 1_000_000, now: () => clock.ms };
    return { clock, seldom: new Seldom(clock) };
  }

  it('is told of at once, then every ten seconds with how often it happened', () => {
    const { clock, seldom } = setUp();
    expect(seldom.times('a')).toBe(1);
    for (let i = 0; i < 500; i++) expect(seldom.times('a')).toBe(0);
    clock.ms += 10_000;
    expect(seldom.times('a')).toBe(501);
    expect(seldom.times('a')).toBe(0);
    clock.ms += 60_000;
    expect(seldom.times('a')).toBe(2);
  });

  it('is counted by kind', () => {
    const { seldom } = setUp();
    expect([seldom.times('a'), seldom.times('b'), seldom.times('a'), seldom.times('b')]).toEqual([1, 1, 0, 0]);
  });

  it('is told of when the clock was set back', () => {
    const { clock, seldom } = setUp();
    seldom.times('a');
    clock.ms -= 3_600_000;
    expect(seldom.times('a')).toBe(1);
  });

  it('is forgotten rather than fill the memory', () => {
    const { seldom } = setUp();
    for (let i = 0; i <= 1_000; i++) seldom.times(`kind ${i}`);
    expect(seldom.times('kind 0')).toBe(1);
    expect(seldom.times('kind 1000')).toBe(0);
  });
});
