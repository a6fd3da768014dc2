import { describe, expect, it } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

describe('TokenBucket', () => {
  it('allows a burst, then the rate, and says how long to wait', () => {
    const bucket = new TokenBucket(100, 0);
    expect(bucket.take(100, 10, 100, 0)).toBe(0);
    expect(bucket.take(5, 10, 100, 0)).toBe(500);
    expect(bucket.take(5, 10, 100, 499)).toBeGreaterThan(0);
    expect(bucket.take(5, 10, 100, 500)).toBe(0);
    expect(bucket.isFull(10, 100, 10_499)).toBe(false);
    expect(bucket.isFull(10, 100, 10_500)).toBe(true);
    expect(bucket.take(101, 10, 100, 1e9)).toBe(Number.POSITIVE_INFINITY);
  });

  it('never holds more than the burst, not even one that was lowered', () => {
    const bucket = new TokenBucket(100, 0);
    expect(bucket.take(60, 10, 50, 1_000_000)).toBe(Number.POSITIVE_INFINITY);
    expect(bucket.take(50, 10, 50, 1_000_000)).toBe(0);
  });

  it('does not lose tokens when the clock is set back', () => {
    const bucket = new TokenBucket(100, 10_000);
    expect(bucket.take(50, 10, 100, 0)).toBe(0);
    expect(bucket.take(50, 10, 100, 0)).toBe(0);
    expect(bucket.take(10, 10, 100, 1_000)).toBe(0);
  });
});
