import type { AnyValueJson, KeyValueJson } from '../model.ts';
import type { ExemplarPiece } from './metrics-partial.ts';

/** A series on its way to the answer. */
export interface Series {
  readonly labels: readonly KeyValueJson[];
  /** One a bucket; NaN: no sample. */
  readonly values: Float64Array;
  /** In order of time. */
  readonly exemplars: readonly ExemplarPiece[];
}

/** Fewer labels first, then label by label by key and by the text of the value, so that 10 is before 2 (traceql.md §6.7). */
export function compareSeries(a: Series, b: Series): number {
  if (a.labels.length !== b.labels.length) return a.labels.length - b.labels.length;
  for (let i = 0; i < a.labels.length; i++) {
    const order = compare(a.labels[i].key, b.labels[i].key) || compare(textOf(a.labels[i].value), textOf(b.labels[i].value));
    if (order !== 0) return order;
  }
  return 0;
}

function textOf(value: AnyValueJson): string {
  if ('stringValue' in value) return value.stringValue;
  if ('intValue' in value) return value.intValue;
  if ('doubleValue' in value) return String(value.doubleValue);
  return 'boolValue' in value ? String(value.boolValue) : '';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
