import { parseQuery } from '@vivace/traceql';
import { expect, it } from 'vitest';
import { BASE_NS, columnsOf, span, trace } from '../plain.fixture.ts';
import { finishRange } from './finish-metrics.ts';
import { MAX_SAMPLES, mostGroups } from './limits.ts';
import { mergeMetrics } from './merge-metrics.ts';
import { metricsBatches } from './metrics-batches.ts';
import { planMetrics } from './plan-metrics.ts';
import type { FunctionPlan } from './plan-metrics.ts';

const STEP = 1_000_000n;
/** Of the axis, which begins a step early. */
const BUCKETS = 5_001;

function planned(text: string): FunctionPlan {
  const query = parseQuery(text);
  const plan = planMetrics({ query, startNs: BASE_NS, endNs: BASE_NS + BigInt(BUCKETS - 1) * STEP, stepNs: STEP, exemplars: 0, maxSeries: 0 }, 'range');
  if (plan.kind !== 'function') throw new Error('not a function');
  return plan;
}

/** Spans of so many names, by two jobs that share half of them. */
async function ask(text: string, names: number) {
  const plan = planned(text);
  const spans = (from: number) => Array.from({ length: names }, (_, i) => span(i + 1, { name: `n${from + i}`, startNs: BASE_NS + STEP }));
  const jobs = [columnsOf(trace(1, ...spans(0))), columnsOf(trace(2, ...spans(names / 2)))];
  const partials = await Promise.all(jobs.map((columns) => metricsBatches(plan, [columns], { maxSeries: 10_000 })));
  return { partials, answer: finishRange(mergeMetrics(partials, plan, 10_000), plan, 0) };
}

it('counts no more groups than can be shown, and names what has too many values', async () => {
  const { partials, answer } = await ask('{ } | rate() by (name)', 150);
  const most = Math.floor(MAX_SAMPLES / BUCKETS);
  for (const { cells } of partials) expect(cells[0].length).toBeLessThanOrEqual(MAX_SAMPLES + BUCKETS);
  expect(answer.series.length).toBeLessThanOrEqual(most);
  expect(answer.series.length).toBeGreaterThan(most - 5);
  expect(answer).toMatchObject({
    status: 'PARTIAL',
    message: expect.stringMatching(/^Too many different values of name: .*querier\.metrics\.max_series/) as string,
  });
});

it('counts them all where a second stage chooses, and shows what is chosen', async () => {
  const { partials, answer } = await ask('{ } | rate() by (name) | topk(3)', 150);
  for (const { groups } of partials) expect(groups).toHaveLength(150);
  expect(answer.series.length).toBeLessThan(10);
  expect(answer).not.toHaveProperty('status');
});

it('shows no more samples than an answer may have', async () => {
  const { answer } = await ask('{ } | rate() by (name) | topk(1000)', 150);
  expect(answer.series).toHaveLength(Math.floor(MAX_SAMPLES / BUCKETS));
  expect(answer).toMatchObject({
    status: 'PARTIAL',
    message: expect.stringMatching(/^Response exceeds 500000 samples, the first 99 of 225 series/) as string,
  });
});

it('divides the samples among the quantiles', () => {
  expect(mostGroups(planned('{ } | quantile_over_time(duration, .5, .9) by (name)'), 10_000)).toBe(Math.floor(MAX_SAMPLES / BUCKETS / 2));
  expect(mostGroups(planned('{ } | rate() by (name)'), 7)).toBe(7);
});
