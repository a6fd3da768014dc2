import { planMetrics } from '@vivace/query';
import type { MetricsPartial } from '@vivace/query';
import { parseQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import { MetricsProgress } from './metrics-progress.ts';

const SECOND = 1_000_000_000n;

/** Of a range of two buckets. */
function counted(first: number, second: number): MetricsPartial {
  return {
    groups: [[]],
    seriesGroup: Uint32Array.of(0),
    seriesKey: Uint32Array.of(0),
    cells: [Float64Array.of(first, second)],
    exemplars: [],
    overflowed: [],
    inspectedTraces: 1,
    inspectedSpans: 2,
    inspectedBytes: 3,
  };
}

describe('MetricsProgress', () => {
  it('tells what is counted so far, and of how many jobs', () => {
    const request = {
      query: parseQuery('{ } | count_over_time()'),
      startNs: 10n * SECOND,
      endNs: 20n * SECOND,
      stepNs: 10n * SECOND,
      exemplars: 0,
      maxSeries: 0,
    };
    const progress = new MetricsProgress(planMetrics(request, 'range'), 10, 0);
    progress.begin([{ size: 7 } as never], 2); // all that is looked at
    const series = (first: number, second: number) => [
      {
        labels: [{ key: '__name__', value: { stringValue: 'count_over_time' } }],
        samples: [
          { timestampMs: '10000', ...(first > 0 && { value: first }) },
          { timestampMs: '20000', ...(second > 0 && { value: second }) },
        ],
      },
    ];
    expect(progress.range()).toEqual({ series: series(0, 0), metrics: { totalBlocks: 1, totalJobs: 2, totalBlockBytes: '7' } });
    progress.add([counted(0, 4)]);
    expect(progress.isComplete).toBe(false);
    expect(progress.range()).toMatchObject({
      series: series(0, 4),
      metrics: { completedJobs: 1, inspectedTraces: 1, inspectedSpans: '2', inspectedBytes: '3' },
    });
    progress.add([counted(5, 6)]);
    expect(progress.isComplete).toBe(true);
    expect(progress.range()).toMatchObject({ series: series(5, 10), metrics: { completedJobs: 2 } });
    expect(progress.range()).toEqual(progress.range());
  });
});
