import type { ExemplarJson, InstantSeriesJson, KeyValueJson, QueryInstantResponse, QueryRangeResponse, SampleJson, TimeSeriesJson } from '../model.ts';
import { isDurationField } from './field-numbers.ts';
import { MAX_SAMPLES } from './limits.ts';
import type { MergedGroup, MergedMetrics, MergedRow } from './merge-metrics.ts';
import type { ExemplarPiece } from './metrics-partial.ts';
import type { FunctionPlan, MetricsPlan } from './plan-metrics.ts';
import { boundOf, bucketOf, quantileOf } from './power-buckets.ts';
import { applySecondStages } from './second-stages.ts';
import { compareSeriesOf } from './compare-series.ts';
import { compareSeries } from './series.ts';
import type { Series } from './series.ts';
import { stampMs } from './time-axis.ts';

type Answer<R> = Omit<R, 'metrics'>;

/** The answer of `query_range`, without statistics. `maxSeries` 0: no limit. */
export function finishRange(merged: MergedMetrics, plan: MetricsPlan, maxSeries: number): Answer<QueryRangeResponse> {
  const { series, ...status } = finish(merged, plan, maxSeries);
  const stamps = Array.from({ length: plan.axis.buckets }, (_, bucket) => stampMs(plan.axis, bucket));
  return { series: series.map((s) => timeSeries(s, stamps)), ...status };
}

/** The answer of an instant query, without statistics. */
export function finishInstant(merged: MergedMetrics, plan: MetricsPlan, maxSeries: number): Answer<QueryInstantResponse> {
  const { series, ...status } = finish(merged, plan, maxSeries);
  return { series: series.map(({ labels, values }): InstantSeriesJson => ({ labels, ...valueOf(values[0]) })), ...status };
}

function finish(merged: MergedMetrics, plan: MetricsPlan, maxSeries: number): { readonly series: readonly Series[]; status?: 'PARTIAL'; message?: string } {
  const all = (plan.kind === 'compare' ? compareSeriesOf(merged.groups, plan.topN) : applySecondStages(seriesOf(merged, plan), plan.second))
    .filter(({ values }) => values.some(Number.isFinite))
    .sort(compareSeries);
  const affordable = Math.max(1, Math.floor(MAX_SAMPLES / Math.max(1, plan.axis.buckets)));
  const isCut = maxSeries > 0 && all.length > maxSeries;
  const isLarge = all.length > affordable && (maxSeries === 0 || affordable < maxSeries);
  const series = isLarge ? all.slice(0, affordable) : isCut ? all.slice(0, maxSeries) : all;
  const messages: string[] = [];
  if (isLarge)
    messages.push(
      `Response exceeds ${MAX_SAMPLES} samples, the first ${affordable} of ${all.length} series are returned: ask for a larger step, for fewer labels in by(), or for topk().`,
    );
  else if (isCut)
    messages.push(
      `Response exceeds maximum series limit of ${maxSeries}, a partial response is returned. Warning: the accuracy of each individual value is not guaranteed.`,
    );
  if (merged.overflowed.length > 0 && plan.kind === 'compare')
    messages.push('Too many different attributes for compare(): some are not counted, a partial response is returned.');
  else if (merged.overflowed.length > 0)
    messages.push(
      `Too many different values of ${merged.overflowed.join(', ')}: spans of series beyond querier.metrics.max_series, and beyond ${MAX_SAMPLES} samples of all, are not counted, a partial response is returned.`,
    );
  return messages.length > 0 ? { series, status: 'PARTIAL', message: messages.join(' ') } : { series };
}

function seriesOf(merged: MergedMetrics, plan: FunctionPlan): readonly Series[] {
  const { op } = plan.metrics;
  const isCount = op === 'rate' || op === 'count_over_time';
  // Nothing at all is a count too; but of groups nothing is known then.
  const groups = merged.groups.length === 0 && isCount && plan.by.length === 0 ? [{ values: [], rows: [], exemplars: [] }] : merged.groups;
  return groups.flatMap((group) => groupSeries(group, plan));
}

const NONE = new Float64Array(0);

function groupSeries(group: MergedGroup, plan: FunctionPlan): readonly Series[] {
  const { op } = plan.metrics;
  const { buckets } = plan.axis;
  const scale = plan.operand && isDurationField(plan.operand) ? 1e9 : 1;
  const labels = groupLabels(group, plan);
  const [cells = NONE, rest = NONE, seen = NONE] = group.rows[0]?.cells ?? [];
  switch (op) {
    case 'rate':
    case 'count_over_time': {
      const seconds = op === 'rate' ? Number(plan.axis.stepNs) / 1e9 : 1;
      return one(
        labels,
        group.exemplars,
        eachBucket(buckets, (b) => (cells.length > 0 ? cells[b] / seconds : 0)),
        op,
      );
    }
    case 'min_over_time':
    case 'max_over_time':
      return one(
        labels,
        scaled(group.exemplars, scale),
        eachBucket(buckets, (b) => cells[b] / scale),
        op,
      );
    case 'sum_over_time':
    case 'avg_over_time': {
      const divisor = (b: number): number => (op === 'avg_over_time' ? seen[b] * scale : scale);
      const values = eachBucket(buckets, (b) => (seen[b] > 0 ? (cells[b] + rest[b]) / divisor(b) : Number.NaN));
      return one(labels, scaled(group.exemplars, scale), values, op);
    }
    case 'histogram_over_time':
      return group.rows.map(({ key, cells: [counts] }) => ({
        labels: [...labels, { key: '__bucket', value: { doubleValue: boundOf(key) / scale } }],
        values: counts,
        exemplars: group.exemplars.filter(({ value }) => bucketOf(value) === key).map((piece) => ({ ...piece, value: Number.NaN })),
      }));
    case 'quantile_over_time':
      // One asked for twice is one series.
      return quantileSeries(group.rows, labels, [...new Set(plan.metrics.quantiles)], buckets, scale, scaled(group.exemplars, scale));
  }
}

function eachBucket(buckets: number, of: (bucket: number) => number): Float64Array {
  const values = new Float64Array(buckets);
  for (let b = 0; b < buckets; b++) values[b] = of(b);
  return values;
}

/** A name only where there is no other label. */
function one(labels: readonly KeyValueJson[], exemplars: readonly ExemplarPiece[], values: Float64Array, op: string): readonly Series[] {
  return [{ labels: labels.length > 0 ? labels : [{ key: '__name__', value: { stringValue: op } }], values, exemplars }];
}

/** Nil is left out; of nil only, the first label says so. */
function groupLabels({ values }: MergedGroup, { by }: FunctionPlan): readonly KeyValueJson[] {
  const labels = by.flatMap(({ label }, i) => {
    const value = values[i];
    return value ? [{ key: label, value }] : [];
  });
  return labels.length === 0 && by.length > 0 ? [{ key: by[0].label, value: { stringValue: 'nil' } }] : labels;
}

function scaled(exemplars: readonly ExemplarPiece[], scale: number): readonly ExemplarPiece[] {
  return scale === 1 ? exemplars : exemplars.map((piece) => ({ ...piece, value: piece.value / scale }));
}

function quantileSeries(
  rows: readonly MergedRow[],
  labels: readonly KeyValueJson[],
  quantiles: readonly number[],
  buckets: number,
  scale: number,
  exemplars: readonly ExemplarPiece[],
): readonly Series[] {
  const values = quantiles.map(() => new Float64Array(buckets));
  const keys: number[] = [];
  const counts: number[] = [];
  for (let b = 0; b < buckets; b++) {
    keys.length = counts.length = 0;
    for (const { key, cells } of rows) {
      if (cells[0][b] === 0) continue;
      keys.push(key);
      counts.push(cells[0][b]);
    }
    quantiles.forEach((q, i) => {
      values[i][b] = quantileOf(q, keys, counts) / scale;
    });
  }
  const nearest = (piece: ExemplarPiece): number =>
    values.reduce((best, of, i) => (Math.abs(of[piece.bucket] - piece.value) < Math.abs(values[best][piece.bucket] - piece.value) ? i : best), 0);
  return quantiles.map((q, i) => ({
    labels: [...labels, { key: 'p', value: { doubleValue: q } }],
    values: values[i],
    exemplars: exemplars.filter((piece) => nearest(piece) === i),
  }));
}

/** Samples are made when they are asked for, and not kept: there may be a million in an answer, which is written series by series. */
function timeSeries({ labels, values, exemplars }: Series, stamps: readonly string[]): TimeSeriesJson {
  const shown = exemplars.filter(({ bucket }) => Number.isFinite(values[bucket])).map((piece) => exemplarJson(piece, values));
  return {
    labels,
    get samples() {
      return samplesOf(values, stamps);
    },
    ...(shown.length > 0 && { exemplars: shown }),
  };
}

function samplesOf(values: Float64Array, stamps: readonly string[]): SampleJson[] {
  const samples: SampleJson[] = [];
  for (let b = 0; b < values.length; b++) {
    const value = values[b];
    if (value === 0) samples.push({ timestampMs: stamps[b] });
    else if (Number.isFinite(value)) samples.push({ timestampMs: stamps[b], value });
  }
  return samples;
}

/** Of functions that count, the value is that of the sample. */
function exemplarJson({ labels, value, startNs, bucket }: ExemplarPiece, values: Float64Array): ExemplarJson {
  return { labels, ...valueOf(Number.isNaN(value) ? values[bucket] : value), timestampMs: (startNs / 1_000_000n).toString() };
}

/** Zero is left out, as protobuf JSON has it. */
function valueOf(value: number): { readonly value?: number } {
  return value === 0 ? {} : { value };
}
