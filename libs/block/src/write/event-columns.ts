import { BytesValues, Codec } from '@vivace/parquet';
import { writeAttrs } from './attr-columns.ts';
import { allAttrs } from './attr-placement.ts';
import type { ColumnWriter } from './column-writer.ts';
import type { RowGroupShape } from './row-group-shape.ts';
import type { Scratch } from './scratch.ts';

/** Leaves 67–76. */
export function writeEventColumns(out: ColumnWriter, { table, order, spanLevels }: RowGroupShape): void {
  const mark = out.scratch.mark();
  const { rows, ends } = children(out.scratch, table.spanEventEnd, order.spans);
  const levels = spanLevels.list(ends, rows.length);
  out.uint64At(levels, table.eventOffset, rows);
  out.textAt(levels, table.eventName, rows);
  writeAttrs(out, levels, allAttrs(out.scratch, table.eventAttrs, table.elements, table.eventAttrEnd, rows));
  out.int32At(levels, table.eventDropped, rows);
  out.scratch.release(mark);
}

/** Leaves 78–88. */
export function writeLinkColumns(out: ColumnWriter, { table, order, spanLevels }: RowGroupShape): void {
  const mark = out.scratch.mark();
  const { rows, ends } = children(out.scratch, table.spanLinkEnd, order.spans);
  const levels = spanLevels.list(ends, rows.length);
  out.put(levels, fixed(out.scratch, table.linkTraceId, 16, rows), Codec.UNCOMPRESSED);
  out.put(levels, fixed(out.scratch, table.linkSpanId, 8, rows), Codec.UNCOMPRESSED);
  out.textAt(levels, table.linkTraceState, rows);
  writeAttrs(out, levels, allAttrs(out.scratch, table.linkAttrs, table.elements, table.linkAttrEnd, rows));
  out.int32At(levels, table.linkDropped, rows);
  out.scratch.release(mark);
}

/** Rows of the events (links) of `spans`, in order, and where those of each span end. */
function children(scratch: Scratch, ends: Uint32Array, spans: Uint32Array): { rows: Uint32Array; ends: Uint32Array } {
  const ownEnds = scratch.u32(spans.length);
  let count = 0;
  for (let i = 0; i < spans.length; i++) {
    const row = spans[i];
    count += ends[row] - (row === 0 ? 0 : ends[row - 1]);
    ownEnds[i] = count;
  }
  const rows = scratch.u32(count);
  for (let i = 0, at = 0; at < count; i++) {
    const row = spans[i];
    for (let child = row === 0 ? 0 : ends[row - 1]; child < ends[row]; child++) rows[at++] = child;
  }
  return { rows, ends: ownEnds };
}

function fixed(scratch: Scratch, column: Uint8Array, size: number, rows: Uint32Array): BytesValues {
  const data = scratch.u8(rows.length * size);
  const ends = scratch.u32(rows.length);
  for (let i = 0; i < rows.length; i++) {
    for (let b = 0; b < size; b++) data[i * size + b] = column[rows[i] * size + b];
    ends[i] = (i + 1) * size;
  }
  return new BytesValues(data, ends);
}
