import { describe, expect, it } from 'vitest';
import { timeFilter } from './time-filter.ts';

const SECOND = 1_000_000_000n;
const BASE = 1_795_000_000n * SECOND;

describe('timeFilter', () => {
  const overlaps = timeFilter(BASE, BASE + 10n * SECOND);
  const ask = (startNs: bigint, durationNs: number): boolean => overlaps(Number(startNs >> 32n), Number(startNs & 0xffff_ffffn), durationNs);

  it('includes both edges to the nanosecond', () => {
    expect(ask(BASE + 10n * SECOND, 0)).toBe(true);
    expect(ask(BASE + 10n * SECOND + 1n, 0)).toBe(false);
    expect(ask(BASE - 5n, 5)).toBe(true);
    expect(ask(BASE - 5n, 4)).toBe(false);
  });

  it('keeps traces around and inside the range', () => {
    expect(ask(BASE - SECOND, 30e9)).toBe(true);
    expect(ask(BASE + SECOND, 1)).toBe(true);
  });
});
