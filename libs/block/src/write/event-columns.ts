import { BytesValues, Codec } from '@vivace/parquet';
import { writeAttrs } from './attr-columns.ts';
import { allAttrs } from './attr-placement.ts';
import type { ColumnWriter } from './column-writer.ts';
import { gatherHalves, gatherInt32, gatherU32 } from './resource-columns.ts';
import type { RowGroupShape } from './row-group-shape.ts';

/** Leaves 67–76. */
export function writeEventColumns(out: ColumnWriter, { table, order, spanLevels }: RowGroupShape): void {
  const { rows, ends } = children(table.spanEventEnd, order.spans);
  const n = rows.length;
  const levels = spanLevels.list(ends, n);
  out.int64(levels, gatherHalves(table.eventOffset, rows), n, true);
  out.text(levels, gatherU32(table.eventName, rows), n);
  writeAttrs(out, levels, allAttrs(table.eventAttrs, table.elements, table.eventAttrEnd, rows));
  out.int32(levels, gatherInt32(table.eventDropped, rows));
}

/** Leaves 78–88. */
export function writeLinkColumns(out: ColumnWriter, { table, order, spanLevels }: RowGroupShape): void {
  const { rows, ends } = children(table.spanLinkEnd, order.spans);
  const n = rows.length;
  const levels = spanLevels.list(ends, n);
  out.put(levels, fixed(table.linkTraceId, 16, rows), Codec.UNCOMPRESSED);
  out.put(levels, fixed(table.linkSpanId, 8, rows), Codec.UNCOMPRESSED);
  out.text(levels, gatherU32(table.linkTraceState, rows), n);
  writeAttrs(out, levels, allAttrs(table.linkAttrs, table.elements, table.linkAttrEnd, rows));
  out.int32(levels, gatherInt32(table.linkDropped, rows));
}

/** Rows of the events (links) of `spans`, in order, and where those of each span end. */
function children(ends: Uint32Array, spans: Uint32Array): { rows: Uint32Array; ends: Uint32Array } {
  const ownEnds = new Uint32Array(spans.length);
  let count = 0;
  for (let i = 0; i < spans.length; i++) {
    const row = spans[i];
    count += ends[row] - (row === 0 ? 0 : ends[row - 1]);
    ownEnds[i] = count;
  }
  const rows = new Uint32Array(count);
  for (let i = 0, at = 0; at < count; i++) {
    const row = spans[i];
    for (let child = row === 0 ? 0 : ends[row - 1]; child < ends[row]; child++) rows[at++] = child;
  }
  return { rows, ends: ownEnds };
}

function fixed(column: Uint8Array, size: number, rows: Uint32Array): BytesValues {
  const data = new Uint8Array(rows.length * size);
  const ends = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    for (let b = 0; b < size; b++) data[i * size + b] = column[rows[i] * size + b];
    ends[i] = (i + 1) * size;
  }
  return new BytesValues(data, ends);
}
