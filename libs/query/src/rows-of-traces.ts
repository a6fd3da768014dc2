import { compareBytes } from '@vivace/bytes';
import type { SpanColumns } from '@vivace/trace';

const ID_BYTES = 16;

/** The rows of those traces `ids`, ascending, that the batch has. Its ids ascend; they must be loaded. */
export function rowsOfTraces(columns: SpanColumns, ids: Uint8Array): Uint32Array {
  const own = columns.traceIds();
  const rows = new Uint32Array(Math.min(columns.traceCount, ids.length / ID_BYTES));
  let n = 0;
  let row = 0;
  for (let at = 0; at < ids.length && row < columns.traceCount; at += ID_BYTES) {
    row = lowerBound(own, row, columns.traceCount, ids, at);
    if (row < columns.traceCount && compareBytes(own, row * ID_BYTES, ids, at, ID_BYTES) === 0) rows[n++] = row;
  }
  return rows.subarray(0, n);
}

/** `rows` but for those of the traces `ids`. */
export function notAmong(rows: readonly number[], columns: SpanColumns, ids: Uint8Array | undefined): readonly number[] {
  const left = ids && rowsOfTraces(columns, ids);
  if (!left || left.length === 0) return rows;
  const out = new Set(left);
  return rows.filter((row) => !out.has(row));
}

function lowerBound(own: Uint8Array, from: number, to: number, ids: Uint8Array, at: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(own, middle * ID_BYTES, ids, at, ID_BYTES) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
