import { BytesValues, Codec } from '@vivace/parquet';
import { nestedSets } from '@vivace/trace';
import { DEDICATED_PER_SCOPE, STATIC_SPAN_KEYS, STATUS_CODE_KEY } from '../schema.ts';
import { writeAttrs } from './attr-columns.ts';
import { placeAttrs } from './attr-placement.ts';
import type { ColumnWriter } from './column-writer.ts';
import { PACKED } from './column-writer.ts';
import { writeEventColumns, writeLinkColumns } from './event-columns.ts';
import type { RowGroupShape } from './row-group-shape.ts';
import type { Scratch } from './scratch.ts';

const ID_BYTES = 8;

/** Leaves 47–102: spans with their events and links. `dedicated` names the attribute of each dedicated column. */
export function writeSpanColumns(out: ColumnWriter, shape: RowGroupShape, dedicated: readonly string[]): void {
  const { table, order, spanLevels } = shape;
  const rows = order.spans;
  const n = rows.length;
  writeTree(out, shape);
  out.textAt(spanLevels, table.spanName, rows);
  out.enumAt(spanLevels, table.spanKind, rows);
  out.textAt(spanLevels, table.spanTraceState, rows);
  out.timesAt(spanLevels, table.spanStart, rows);
  writeDurations(out, shape);
  out.enumAt(spanLevels, table.spanStatus, rows);
  out.textAt(spanLevels, table.spanStatusMessage, rows);

  const mark = out.scratch.mark();
  const placement = { keys: [...STATIC_SPAN_KEYS, ...dedicated], intKey: STATUS_CODE_KEY };
  const placed = placeAttrs(out.scratch, table.strings, table.spanAttrs, table.elements, table.spanAttrEnd, rows, placement);
  writeAttrs(out, spanLevels, placed.generic);
  out.int32At(spanLevels, table.spanDroppedAttrs, rows);
  writeEventColumns(out, shape);
  out.int32At(spanLevels, table.spanDroppedEvents, rows);
  writeLinkColumns(out, shape);
  out.int32At(spanLevels, table.spanDroppedLinks, rows);
  const none = new Uint32Array(0);
  for (let c = 0; c < STATIC_SPAN_KEYS.length; c++) out.optionalText(spanLevels, placed.columns[c], n);
  out.optionalInt64(spanLevels, placed.intSet, placed.intHalves, placed.intCount);
  for (let c = 0; c < DEDICATED_PER_SCOPE; c++) {
    const column = placed.columns[STATIC_SPAN_KEYS.length + c];
    out.optionalText(spanLevels, column ?? none, column ? n : 0);
  }
  out.scratch.release(mark);
}

/** Ids and parents, and the numbers that say the same to queries. */
function writeTree(out: ColumnWriter, { table, order, spanLevels }: RowGroupShape): void {
  const { scratch } = out;
  const rows = order.spans;
  const n = rows.length;
  const mark = scratch.mark();
  const ids = gatherIds(scratch, table.spanId, rows);
  const parentIds = gatherIds(scratch, table.spanParentId, rows);
  const kinds = scratch.u8(n);
  for (let i = 0; i < n; i++) kinds[i] = table.spanKind[rows[i]];
  const sets = nestedSets(n, order.traceSpans, ids, parentIds, kinds);
  const ends = scratch.u32(n);
  for (let i = 0; i < n; i++) ends[i] = (i + 1) * ID_BYTES;
  out.put(spanLevels, new BytesValues(ids, ends), Codec.UNCOMPRESSED);
  out.put(spanLevels, withoutRoots(parentIds, ends), PACKED);
  out.int32(spanLevels, sets.parent);
  out.int32(spanLevels, sets.left);
  out.int32(spanLevels, sets.right);
  scratch.release(mark);
}

function gatherIds(scratch: Scratch, column: Uint8Array, rows: Uint32Array): Uint8Array {
  const words = new Uint32Array(column.buffer, column.byteOffset, column.length >>> 2);
  const out = scratch.u32(rows.length * 2);
  for (let i = 0; i < rows.length; i++) {
    out[i * 2] = words[rows[i] * 2];
    out[i * 2 + 1] = words[rows[i] * 2 + 1];
  }
  return new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
}

/** Parent ids; a root has one of length zero. Overwrites both arrays. */
function withoutRoots(parentIds: Uint8Array, ends: Uint32Array): BytesValues {
  const words = new Uint32Array(parentIds.buffer, parentIds.byteOffset, ends.length * 2);
  let at = 0;
  for (let i = 0; i < ends.length; i++) {
    const low = words[i * 2];
    const high = words[i * 2 + 1];
    if ((low | high) !== 0) {
      words[at++] = low;
      words[at++] = high;
    }
    ends[i] = at * 4;
  }
  return new BytesValues(parentIds, ends);
}

/** Nanoseconds as u64; a negative duration wraps, as Tempo's subtraction does. */
function writeDurations(out: ColumnWriter, { table, order, spanLevels }: RowGroupShape): void {
  const { scratch } = out;
  const rows = order.spans;
  const mark = scratch.mark();
  const halves = scratch.u32(rows.length * 2);
  for (let i = 0; i < rows.length; i++) {
    const duration = table.spanDuration[rows[i]];
    halves[i * 2] = duration;
    halves[i * 2 + 1] = Math.floor(duration / 4294967296);
  }
  out.int64(spanLevels, halves, rows.length, true);
  scratch.release(mark);
}
