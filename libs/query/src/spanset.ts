import type { KeyValueJson } from './model.ts';

/** Spans of one trace that belong together: rows of the batch, ascending, and what `by` and aggregates said of them. */
export interface Spanset {
  readonly rows: readonly number[];
  /** What `by` found, the same text for the same values only: what is shown of them in `attributes` can be alike (nil and the text "nil"). */
  readonly group: string;
  readonly attributes: readonly KeyValueJson[];
}

/** One step of a pipeline over the spansets of one trace. An empty list drops the trace. */
export type StageFunction = (spansets: readonly Spanset[]) => readonly Spanset[];

/** Union of two ascending row lists. */
export function unionRows(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const out: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      out.push(a[i++]);
      j++;
    } else out.push(a[i] < b[j] ? a[i++] : b[j++]);
  }
  while (i < a.length) out.push(a[i++]);
  while (j < b.length) out.push(b[j++]);
  return out;
}

/** The rows of all spansets. */
export function allRows(spansets: readonly Spanset[]): readonly number[] {
  return spansets.reduce<readonly number[]>((rows, spanset) => unionRows(rows, spanset.rows), []);
}
