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

/** Fewer labels first, then label by label by key and by the text of the value, so that 10 is before 2; of equal text by type. */
export function compareSeries(a: Series, b: Series): number {
  if (a.labels.length !== b.labels.length) return a.labels.length - b.labels.length;
  for (let i = 0; i < a.labels.length; i++) {
    const x = a.labels[i];
    const y = b.labels[i];
    const order = compare(x.key, y.key) || compare(textOf(x.value), textOf(y.value)) || compare(typeOf(x.value), typeOf(y.value));
    if (order !== 0) return order;
  }
  return 0;
}

function textOf(value: AnyValueJson): string {
  if ('stringValue' in value) return value.stringValue;
  if ('intValue' in value) return value.intValue;
  if ('doubleValue' in value) return doubleText(value.doubleValue);
  return 'boolValue' in value ? String(value.boolValue) : '';
}

function typeOf(value: AnyValueJson): string {
  return Object.keys(value)[0];
}

/** Below 1e-4 with an exponent of two digits, as Tempo orders them. */
function doubleText(value: number): string {
  return value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential().replace(/e-(\d)$/, 'e-0$1') : String(value);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
