import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundOf, bucketOf, quantileOf } from './power-buckets.ts';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

describe('buckets', () => {
  it.each([
    [1, 1],
    [3, 4],
    [4, 4],
    [5, 8],
    [0.3, 0.5],
    [0.25, 0.25],
    [0, 0],
    [-0, 0],
    [-3, -2],
    [-4, -4],
    [-0.3, -0.25],
    [2 ** -1_074, 2 ** -1_074],
    [3 * 2 ** -1_074, 2 ** -1_072],
    [Number.MAX_VALUE, Number.MAX_VALUE],
    [-Number.MAX_VALUE, -(2 ** 1_023)],
    [9_007_199_254_740_993, 2 ** 53],
  ])('%d lies in the bucket of %d', (value, bound) => {
    expect(boundOf(bucketOf(value))).toBe(bound);
  });

  it('have the smallest bound that is not below the value, and keys in the order of bounds', () => {
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        const bound = boundOf(bucketOf(a));
        expect(bound).toBeGreaterThanOrEqual(a);
        if (a > 0 && bound < Number.MAX_VALUE) expect(bound / 2 < a || bound === 2 ** -1_074).toBe(true);
        if (a < 0) expect(bound * 2).toBeLessThan(a);
        if (bound !== boundOf(bucketOf(b))) expect(bucketOf(a) < bucketOf(b)).toBe(bound < boundOf(bucketOf(b)));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('quantiles', () => {
  const ask = (q: number, ...values: readonly number[]): number => {
    const keys = [...new Set(values.map(bucketOf))].sort((a, b) => a - b);
    return quantileOf(
      q,
      keys,
      keys.map((key) => values.filter((value) => bucketOf(value) === key).length),
    );
  };

  it('are those of Tempo for durations', () => {
    expect(ask(0.5, 2e6, 3e6, 4e6) / 1e9).toBeCloseTo(0.0029658, 7);
    expect(ask(0.9, 2e6, 3e6, 4e6) / 1e9).toBe(0.004194304);
  });

  it('go through fractions, zero and negative numbers', () => {
    expect(ask(0.5, 0.2, 0.3, 0.6)).toBe(0.5);
    expect(ask(0, -3, 0, 0.3)).toBe(-2);
    expect(ask(0.6, -3, 0, 0.3)).toBe(0);
    expect(ask(1, -3, 0, 0.3)).toBe(0.5);
    expect(ask(0.5, -3, -3)).toBeCloseTo(-(2 ** 1.5), 12);
    expect(ask(0.75, -9, -3, -3, -3)).toBeCloseTo(-(2 ** (5 / 3)), 12);
  });

  it('of nothing are 0', () => {
    expect(quantileOf(0.5, [], [])).toBe(0);
  });

  it('rise with q and stay within the bounds', () => {
    fc.assert(
      fc.property(
        fc.array(finite, { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, p, q) => {
          const [low, high] = [ask(Math.min(p, q), ...values), ask(Math.max(p, q), ...values)];
          expect(low).toBeLessThanOrEqual(high);
          expect(high).toBeLessThanOrEqual(boundOf(bucketOf(Math.max(...values))));
        },
      ),
    );
  });
});
