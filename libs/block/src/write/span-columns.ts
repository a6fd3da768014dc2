import { BytesValues, Codec } from '@vivace/parquet';
import { nestedSets } from '@vivace/trace';
import { DEDICATED_PER_SCOPE, STATIC_SPAN_KEYS, STATUS_CODE_KEY } from '../schema.ts';
import { writeAttrs } from './attr-columns.ts';
import { placeAttrs } from './attr-placement.ts';
import type { ColumnWriter } from './column-writer.ts';
import { PACKED } from './column-writer.ts';
import { writeEventColumns, writeLinkColumns } from './event-columns.ts';
import { gatherHalves, gatherInt32, gatherU32 } from './resource-columns.ts';
import type { RowGroupShape } from './row-group-shape.ts';

/** Leaves 47–102: spans with their events and links. `dedicated` names the attribute of each dedicated column. */
export function writeSpanColumns(out: ColumnWriter, shape: RowGroupShape, dedicated: readonly string[]): void {
  const { table, order, spanLevels } = shape;
  const rows = order.spans;
  const n = rows.length;
  const ids = gatherIds(table.spanId, rows);
  const parentIds = gatherIds(table.spanParentId, rows);
  const kinds = gatherBytes(table.spanKind, rows);
  const sets = nestedSets(n, order.traceSpans, ids, parentIds, kinds);
  out.put(spanLevels, new BytesValues(ids, eights(n)), Codec.UNCOMPRESSED);
  out.put(spanLevels, withoutRoots(parentIds, n), PACKED);
  out.int32(spanLevels, sets.parent);
  out.int32(spanLevels, sets.left);
  out.int32(spanLevels, sets.right);
  out.text(spanLevels, gatherU32(table.spanName, rows), n);
  out.int64(spanLevels, widen(kinds), n, false);
  out.text(spanLevels, gatherU32(table.spanTraceState, rows), n);
  out.int64(spanLevels, gatherHalves(table.spanStart, rows), n, true);
  out.int64(spanLevels, durations(table.spanDuration, rows), n, true);
  out.int64(spanLevels, widen(gatherBytes(table.spanStatus, rows)), n, false);
  out.text(spanLevels, gatherU32(table.spanStatusMessage, rows), n);
  const keys = [...STATIC_SPAN_KEYS, ...dedicated];
  const placed = placeAttrs(table.strings, table.spanAttrs, table.elements, table.spanAttrEnd, rows, { keys, intKey: STATUS_CODE_KEY });
  writeAttrs(out, spanLevels, placed.generic);
  out.int32(spanLevels, gatherInt32(table.spanDroppedAttrs, rows));
  writeEventColumns(out, shape);
  out.int32(spanLevels, gatherInt32(table.spanDroppedEvents, rows));
  writeLinkColumns(out, shape);
  out.int32(spanLevels, gatherInt32(table.spanDroppedLinks, rows));
  const none = new Uint32Array(0);
  for (let c = 0; c < STATIC_SPAN_KEYS.length; c++) out.optionalText(spanLevels, placed.columns[c], n);
  out.optionalInt64(spanLevels, placed.intSet, placed.intHalves, placed.intCount);
  for (let c = 0; c < DEDICATED_PER_SCOPE; c++) {
    const column = placed.columns[STATIC_SPAN_KEYS.length + c];
    out.optionalText(spanLevels, column ?? none, column ? n : 0);
  }
}

function gatherIds(column: Uint8Array, rows: Uint32Array): Uint8Array {
  const words = new Uint32Array(column.buffer, column.byteOffset, column.length >>> 2);
  const out = new Uint32Array(rows.length * 2);
  for (let i = 0; i < rows.length; i++) {
    out[i * 2] = words[rows[i] * 2];
    out[i * 2 + 1] = words[rows[i] * 2 + 1];
  }
  return new Uint8Array(out.buffer);
}

function gatherBytes(column: Uint8Array, rows: Uint32Array): Uint8Array {
  const out = new Uint8Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = column[rows[i]];
  return out;
}

function widen(values: Uint8Array): Uint32Array {
  const halves = new Uint32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) halves[i * 2] = values[i];
  return halves;
}

/** Nanoseconds as u64 halves; a negative duration wraps, as Tempo's subtraction does. */
function durations(column: Float64Array, rows: Uint32Array): Uint32Array {
  const halves = new Uint32Array(rows.length * 2);
  for (let i = 0; i < rows.length; i++) {
    const duration = column[rows[i]];
    halves[i * 2] = duration;
    halves[i * 2 + 1] = Math.floor(duration / 4294967296);
  }
  return halves;
}

function eights(n: number): Uint32Array {
  const ends = new Uint32Array(n);
  for (let i = 0; i < n; i++) ends[i] = (i + 1) * 8;
  return ends;
}

/** Parent ids; a root has one of length zero. */
function withoutRoots(parentIds: Uint8Array, n: number): BytesValues {
  const words = new Uint32Array(parentIds.buffer, parentIds.byteOffset, n * 2);
  const data = new Uint32Array(n * 2);
  const ends = new Uint32Array(n);
  let at = 0;
  for (let i = 0; i < n; i++) {
    const low = words[i * 2];
    const high = words[i * 2 + 1];
    if ((low | high) !== 0) {
      data[at++] = low;
      data[at++] = high;
    }
    ends[i] = at * 4;
  }
  return new BytesValues(new Uint8Array(data.buffer), ends);
}
