import type { MetricsFilter, SecondStage, Static } from '@vivace/traceql';
import { accepts, compareNumbers } from '../condition.ts';
import { compareSeries } from './series.ts';
import type { Series } from './series.ts';

/** `| topk(5)`, `| > 10` …, in turn. A series left without samples is dropped by whoever shows it. */
export function applySecondStages(series: readonly Series[], stages: readonly (SecondStage | MetricsFilter)[]): readonly Series[] {
  let current = series;
  for (const stage of stages) current = stage.kind === 'second' ? best(current, stage) : filtered(current, stage);
  return current;
}

/**
 * At every time the `limit` largest (smallest) samples stay. Of equal ones `topk` prefers the first series in the order of answers, `bottomk` the last
 * (docs/traceql.md, "Metrics"). Not more series than the limit are left as they are.
 */
function best(series: readonly Series[], { op, limit }: SecondStage): readonly Series[] {
  if (series.length <= limit) return series;
  const sorted = [...series].sort(compareSeries);
  const sign = op === 'topk' ? 1 : -1;
  const out = sorted.map(({ labels, values, exemplars }) => ({ labels, values: new Float64Array(values.length).fill(Number.NaN), exemplars }));
  const rows: number[] = [];
  for (let b = 0; b < sorted[0].values.length; b++) {
    rows.length = 0;
    for (let s = 0; s < sorted.length; s++) if (!Number.isNaN(sorted[s].values[b])) rows.push(s);
    rows.sort((x, y) => sign * (sorted[y].values[b] - sorted[x].values[b]) || sign * (x - y));
    for (const s of rows.slice(0, limit)) out[s].values[b] = sorted[s].values[b];
  }
  return out;
}

function filtered(series: readonly Series[], { op, value }: MetricsFilter): readonly Series[] {
  const accept = accepts(op);
  const bound = numberOf(value);
  return series.map(({ labels, values, exemplars }) => ({
    labels,
    values: values.map((sample) => (!Number.isNaN(sample) && (compareNumbers(sample, bound) & accept) !== 0 ? sample : Number.NaN)),
    exemplars,
  }));
}

/** Durations are compared in seconds, as answers show them. */
function numberOf(value: Static): number {
  switch (value.type) {
    case 'int':
      return Number(value.value);
    case 'float':
      return value.value;
    case 'duration':
      return Number(value.value) / 1e9;
    default:
      return Number.NaN;
  }
}
