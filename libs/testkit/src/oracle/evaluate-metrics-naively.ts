// The oracle of metrics: docs/traceql.md, "Metrics", on plain objects and without a thought for speed.
import { compareStatics, fieldLabel } from '@vivace/traceql';
import type { MetricsAggregate, MetricsFilter, MetricsOp, Query, SecondStage, Static } from '@vivace/traceql';
import type { PlainTrace } from '../plain.ts';
import { compareNaively } from './compare-naively.ts';
import { evaluateNaively, keyOf, mergeSpans } from './evaluate-naively.ts';
import { shownAs } from './label-value.ts';
import { isNumber, single, valuesOf } from './naive-expr.ts';
import type { NaiveSpan } from './naive-spans.ts';

export interface NaiveTimes {
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** Undefined: an instant query, one bucket. */
  readonly stepNs: bigint | undefined;
}

export type NaiveLabel = readonly [key: string, value: Static];

export interface NaiveSeries {
  readonly labels: readonly NaiveLabel[];
  /** One a bucket, undefined where there is no sample. */
  readonly values: readonly (number | undefined)[];
}

/** In the order of answers. Exemplars, hints and limits are not its affair. */
export function evaluateMetricsNaively(query: Query, traces: readonly PlainTrace[], times: NaiveTimes): readonly NaiveSeries[] {
  const { metrics } = query;
  if (!metrics) throw new Error('no metrics query');
  const { width, edges } = bucketsOf(times);
  const spans = evaluateNaively(query, traces).flatMap(({ spansets }) => mergeSpans(spansets));
  const inBucket = edges.map((edge) => spans.filter(({ startNs }) => startNs <= edge && startNs > edge - width));
  const shown = (all: readonly NaiveSeries[]) => all.filter(({ values }) => values.some((value) => value !== undefined)).sort(inOrder);
  if (metrics.kind === 'compare') return shown(compareNaively(metrics, inBucket));
  const groups = new Map(inBucket.flat().map((span) => [keyOf(labelsOf(metrics, span)), labelsOf(metrics, span)]));
  const isCount = metrics.op === 'rate' || metrics.op === 'count_over_time';
  if (isCount && metrics.by.length === 0) groups.set(keyOf([]), []);
  const series = [...groups].flatMap(([key, labels]) => {
    const members = inBucket.map((all) => all.filter((span) => keyOf(labelsOf(metrics, span)) === key));
    return functionSeries(metrics, labels, members, Number(width) / 1e9);
  });
  return shown(query.second.reduce(secondStage, shown(series)));
}

/** The right edges, and how far each bucket reaches to the left. */
function bucketsOf({ startNs, endNs, stepNs }: NaiveTimes): { readonly width: bigint; readonly edges: readonly bigint[] } {
  if (stepNs === undefined) return { width: endNs - startNs, edges: [endNs] };
  const edges = [startNs - (startNs % stepNs)];
  while (edges[edges.length - 1] < endNs) edges.push(edges[edges.length - 1] + stepNs);
  return { width: stepNs, edges };
}

/** Nil is left out, unless there is nothing else. The text "nil" is nil. */
function labelsOf({ by }: MetricsAggregate, span: NaiveSpan): readonly NaiveLabel[] {
  const labels = by.flatMap((field): readonly NaiveLabel[] => {
    const value = single(valuesOf(field, span));
    return !value || (value.type === 'string' && value.value === 'nil') ? [] : [[fieldLabel(field), shownAs(value)]];
  });
  return labels.length === 0 && by.length > 0 ? [[fieldLabel(by[0]), { type: 'string', value: 'nil' }]] : labels;
}

const FOLDS: Partial<Record<MetricsOp, (all: readonly number[]) => number>> = {
  min_over_time: (all) => Math.min(...all),
  max_over_time: (all) => Math.max(...all),
  sum_over_time: exactSum,
  avg_over_time: (all) => exactSum(all) / all.length,
};

function functionSeries(
  { op, operand, quantiles }: MetricsAggregate,
  labels: readonly NaiveLabel[],
  members: readonly (readonly NaiveSpan[])[],
  seconds: number,
): readonly NaiveSeries[] {
  const named: readonly NaiveLabel[] = labels.length > 0 ? labels : [['__name__', { type: 'string', value: op }]];
  if (op === 'rate') return [{ labels: named, values: members.map((spans) => spans.length / seconds) }];
  if (!operand) return [{ labels: named, values: members.map((spans) => spans.length) }];
  const values = members.map((spans) => spans.map((span) => single(valuesOf(operand, span))).filter(isNumber));
  const scale = values.flat().some(({ type }) => type === 'duration') ? 1e9 : 1;
  const numbers = values.map((all) => all.map(({ value }) => Number(value)));
  if (numbers.flat().length === 0) return [];
  const fold = FOLDS[op];
  if (fold) return [{ labels: named, values: numbers.map((all) => (all.length === 0 ? undefined : fold(all) / scale)) }];
  const bounds = numbers.map((all) => all.filter((value) => scale === 1 || value !== 0).map(boundOf));
  const used = [...new Set(bounds.flat())].sort((a, b) => a - b);
  if (used.length === 0) return [];
  const float = (value: number): Static => ({ type: 'float', value });
  if (op === 'histogram_over_time')
    return used.map((bound) => ({
      labels: [...labels, ['__bucket', float(bound / scale)]],
      values: bounds.map((all) => all.filter((b) => b === bound).length),
    }));
  return [...new Set(quantiles)].map((q) => ({ labels: [...labels, ['p', float(q)]], values: bounds.map((all) => quantile(q, all) / scale) }));
}

/** Of doubles that are multiples of 2^-60. */
function exactSum(values: readonly number[]): number {
  const one = 1n << 60n;
  const sum = values.reduce((total, value) => total + BigInt(Math.trunc(value)) * one + BigInt((value % 1) * 2 ** 60), 0n);
  return Number(sum / one) + Number(sum % one) / 2 ** 60;
}

/** The least of 0 and ±2^n that is not below the value. */
function boundOf(value: number): number {
  if (value === 0) return 0;
  let bound = value > 0 ? 1 : -1;
  while (bound < value) bound = bound > 0 ? bound * 2 : bound / 2;
  while ((bound > 0 ? bound / 2 : bound * 2) >= value) bound = bound > 0 ? bound / 2 : bound * 2;
  return bound;
}

function quantile(q: number, bounds: readonly number[]): number {
  const sorted = [...bounds].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(q * sorted.length));
  const bound = sorted[rank - 1] ?? 0;
  if (sorted[rank] !== bound || bound === 0) return bound;
  const below = sorted.filter((b) => b < bound);
  const previous = below.at(-1) ?? Number.NaN;
  const from = previous * bound > 0 ? previous : bound > 0 ? bound / 2 : bound * 2;
  return from * (bound / from) ** ((rank - below.length) / sorted.filter((b) => b === bound).length);
}

function secondStage(series: readonly NaiveSeries[], stage: SecondStage | MetricsFilter): readonly NaiveSeries[] {
  if (stage.kind === 'metricsFilter') {
    const bound = stage.value.type === 'duration' ? ({ type: 'float', value: Number(stage.value.value) / 1e9 } as const) : stage.value;
    const passes = (value: number | undefined) => value !== undefined && compareStatics(stage.op, { type: 'float', value }, bound);
    return series.map(({ labels, values }) => ({ labels, values: values.map((value) => (passes(value) ? value : undefined)) }));
  }
  if (series.length <= stage.limit) return series;
  const ranked = [...series].sort(inOrder);
  const beats = (a: number, b: number): boolean => (stage.op === 'topk' ? a > b : a < b);
  return ranked.map(({ labels, values }, s) => ({
    labels,
    values: values.map((value, b) => {
      const better = ranked.filter((other, o) => {
        const its = other.values[b];
        return its !== undefined && value !== undefined && (beats(its, value) || (its === value && (stage.op === 'topk' ? o < s : o > s)));
      });
      return better.length < stage.limit ? value : undefined;
    }),
  }));
}

function inOrder(a: NaiveSeries, b: NaiveSeries): number {
  if (a.labels.length !== b.labels.length) return a.labels.length - b.labels.length;
  const texts = ({ labels }: NaiveSeries) => labels.flatMap(([key, value]) => [key, textOf(value), value.type]);
  const at = texts(a).findIndex((text, i) => text !== texts(b)[i]);
  return at < 0 ? 0 : texts(a)[at] < texts(b)[at] ? -1 : 1;
}

/** Floats as Go prints them, near enough. */
function textOf(value: Static): string {
  if (value.type !== 'float' || value.value === 0 || Math.abs(value.value) >= 1e-4) return 'value' in value ? String(value.value) : '';
  return value.value.toExponential().replace(/-(\d)$/, '-0$1');
}
