import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TimeBounds } from './time-bounds.ts';

it('is the whole milliseconds around all traces, to the nanosecond', () => {
  const starts = fc.oneof(
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    // Of today, most of them beside a whole millisecond.
    fc
      .tuple(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: -2, max: 2 }))
      .map(([ms, ns]) => 1_700_000_000_000_000_000n + BigInt(ms) * 1_000_000n + BigInt(ns)),
  );
  const traces = fc.array(fc.record({ start: starts, duration: fc.oneof(fc.nat(3), fc.nat({ max: 1_000_002 }), fc.nat({ max: 2 ** 52 })) }), { minLength: 1 });
  fc.assert(
    fc.property(traces, (traces) => {
      const bounds = new TimeBounds();
      for (const { start, duration } of traces) bounds.add(Number(start & 0xffffffffn), Number(start >> 32n), duration);
      const least = (values: bigint[]): bigint => values.reduce((a, b) => (a < b ? a : b));
      expect(bounds.startMs).toBe(Number(least(traces.map(({ start }) => start / 1_000_000n))));
      expect(bounds.endMs).toBe(Number(-least(traces.map(({ start, duration }) => -((start + BigInt(duration) + 999_999n) / 1_000_000n)))));
    }),
  );
});
