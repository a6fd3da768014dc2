import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endOf, instantAxis, OFF_AXIS, placeOnAxis, rangeAxis, stampMs } from './time-axis.ts';
import type { TimeAxis } from './time-axis.ts';

const SECOND = 1_000_000_000n;
const halves = (starts: readonly bigint[]): Uint32Array => Uint32Array.from(starts.flatMap((ns) => [Number(ns & 0xffff_ffffn), Number(ns >> 32n)]));
const stamps = (axis: TimeAxis): readonly string[] => Array.from({ length: axis.buckets }, (_, i) => stampMs(axis, i));

describe('a range', () => {
  it('has edges at multiples of the step, from the one at or before the start to the one at or after the end', () => {
    expect(stamps(rangeAxis(125n * SECOND, 245n * SECOND, 60n * SECOND))).toEqual(['120000', '180000', '240000', '300000']);
    expect(stamps(rangeAxis(120n * SECOND, 240n * SECOND, 60n * SECOND))).toEqual(['120000', '180000', '240000']);
  });

  it('is one sample when start and end are the same edge', () => {
    expect(stamps(rangeAxis(120n * SECOND, 120n * SECOND, 60n * SECOND))).toEqual(['120000']);
  });

  it('begins before the epoch when it has to', () => {
    expect(stamps(rangeAxis(0n, 1n, SECOND))).toEqual(['0', '1000']);
  });

  it('refuses a step of nothing', () => {
    expect(() => rangeAxis(0n, 1n, 0n)).toThrow('step of 0 ns is too small');
  });
});

describe('an instant', () => {
  it('is one bucket, without alignment', () => {
    const axis = instantAxis(7n, 10n);
    expect([axis.buckets, axis.stepNs, endOf(axis)]).toEqual([1, 3n, 10n]);
    const places = new Uint32Array(4);
    expect(placeOnAxis(axis, halves([7n, 8n, 10n, 11n]), undefined, 4, places)).toBe(2);
    expect([...places]).toEqual([OFF_AXIS, 0, 0, OFF_AXIS]);
  });

  it('of no length has no bucket', () => {
    expect(instantAxis(7n, 7n).buckets).toBe(0);
  });
});

describe('placing starts', () => {
  /** Axes of any length, beyond what doubles hold too, and starts mostly at their edges. */
  const cases = fc
    .record({
      startNs: fc.bigInt({ min: 0n, max: 3_000_000_000_000_000_000n }),
      stepNs: fc.oneof(fc.bigInt({ min: 1n, max: 10n }), fc.bigInt({ min: 1n, max: 90_000_000_000n }), fc.bigInt({ min: 1n, max: 9_000_000_000_000_000n })),
      buckets: fc.bigInt({ min: 0n, max: 400n }),
    })
    .chain(({ startNs, stepNs, buckets }) => {
      const axis = rangeAxis(startNs, startNs + buckets * stepNs, stepNs);
      const start = fc.tuple(fc.integer({ min: -2, max: axis.buckets + 2 }), fc.bigInt({ min: -2n, max: 2n })).map(([edge, more]) => {
        const at = axis.fromNs + BigInt(edge) * stepNs + more;
        return at < 0n ? 0n : at;
      });
      return fc.tuple(fc.constant(axis), fc.array(start, { maxLength: 30 }));
    });

  it('is exact to the nanosecond: open on the left, closed on the right', () => {
    fc.assert(
      fc.property(cases, fc.boolean(), (pair, byRows) => {
        const [axis, starts] = pair;
        const expected = starts.map((ns) => {
          const bucket = ns <= axis.fromNs ? -1 : Number((ns - axis.fromNs - 1n) / axis.stepNs);
          return bucket >= 0 && bucket < axis.buckets ? bucket : OFF_AXIS;
        });
        const rows = byRows ? Uint32Array.from(starts.keys()).reverse() : undefined;
        const places = new Uint32Array(starts.length);
        expect(placeOnAxis(axis, halves(starts), rows, starts.length, places)).toBe(expected.filter((bucket) => bucket !== OFF_AXIS).length);
        expect([...places]).toEqual(byRows ? expected.reverse() : expected);
      }),
      { numRuns: 500 },
    );
  });
});
