import type { AnyValueJson } from '../model.ts';
import type { MergedGroup } from './merge-metrics.ts';
import type { Series } from './series.ts';

const NIL: AnyValueJson = { stringValue: 'nil' };

/**
 * The series of `compare()`: for every attribute and side how many spans have it, and those of its `topN` most frequent values, of equally frequent ones
 * the first by text (docs/traceql.md, "Metrics"). Groups are those of `compareBatches`.
 */
export function compareSeriesOf(groups: readonly MergedGroup[], topN: number): readonly Series[] {
  const totals: Series[] = [];
  const candidates = new Map<string, { readonly series: Series; readonly count: number; readonly text: string }[]>();
  for (const { values, rows } of groups) {
    const [side, attribute] = values.map(textOf);
    const [counts] = rows[0].cells;
    if (values.length === 2) {
      totals.push(series(`${side}_total`, attribute, NIL, counts));
      continue;
    }
    const value = values[2] ?? NIL;
    const list = candidates.get(`${side} ${attribute}`) ?? [];
    candidates.set(`${side} ${attribute}`, list);
    list.push({ series: series(side, attribute, value, counts), count: counts.reduce((sum, n) => sum + n, 0), text: JSON.stringify(value) });
  }
  const best = [...candidates.values()].flatMap((list) =>
    list
      .sort((a, b) => b.count - a.count || (a.text < b.text ? -1 : 1))
      .slice(0, topN)
      .map((candidate) => candidate.series),
  );
  return [...totals, ...best];
}

function series(type: string, attribute: string, value: AnyValueJson, values: Float64Array): Series {
  return {
    labels: [
      { key: '__meta_type', value: { stringValue: type } },
      { key: attribute, value },
    ],
    values,
    exemplars: [],
  };
}

function textOf(value: AnyValueJson | undefined): string {
  return value && 'stringValue' in value ? value.stringValue : '';
}
