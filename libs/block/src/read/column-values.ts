import type { DecodedValues } from '@vivace/parquet';
import { StringDictionary } from '@vivace/trace';
import type { StringColumn } from '@vivace/trace';
import type { ColumnSource } from './columns.ts';

// Decoded columns in the forms the span columns promise. Each checks that the column has `rows` values, so that no row reads another's.

function expect(column: ColumnSource, rows: number): DecodedValues {
  const values = column.values();
  if (values.length !== rows) column.fail(`${values.length} values for ${rows} rows`);
  return values;
}

/** One string a row: the file's dictionary as it is, or one built from the bytes when the file has none. */
export function stringColumn(column: ColumnSource, rows = column.present()): StringColumn {
  const values = expect(column, rows);
  if (values.kind === 'dictionary') return { ids: values.ids, dict: values.dictionary };
  if (values.kind !== 'bytes') column.fail(`no byte strings`);
  const { bytes, ends } = values;
  const dict = new StringDictionary();
  const ids = new Uint32Array(rows);
  let from = 0;
  for (let i = 0; i < rows; i++) {
    const to = ends[i];
    // Most of these columns are nearly all empty: id 0 without hashing.
    if (to > from) ids[i] = dict.intern(bytes, from, to);
    from = to;
  }
  return { ids, dict };
}

/** One id of `width` bytes a row; shorter ones get zeros on the left, longer ones keep their last bytes. */
export function idColumn(column: ColumnSource, width: number, rows: number): Uint8Array {
  const values = expect(column, rows);
  const out = new Uint8Array(rows * width);
  if (values.kind === 'dictionary') {
    const { ids, dictionary } = values;
    for (let i = 0; i < rows; i++)
      copyId(dictionary.bytes, ids[i] === 0 ? 0 : dictionary.ends[ids[i] - 1], dictionary.ends[ids[i]], out, (i + 1) * width, width);
    return out;
  }
  if (values.kind !== 'bytes') column.fail(`no byte strings`);
  const { bytes, ends } = values;
  if (rows > 0 && bytes.length === rows * width && allOfWidth(ends, width)) {
    out.set(bytes);
    return out;
  }
  let from = 0;
  for (let i = 0; i < rows; i++) {
    copyId(bytes, from, ends[i], out, (i + 1) * width, width);
    from = ends[i];
  }
  return out;
}

function allOfWidth(ends: Uint32Array, width: number): boolean {
  for (let i = 0; i < ends.length; i++) if (ends[i] !== (i + 1) * width) return false;
  return true;
}

function copyId(bytes: Uint8Array, from: number, to: number, out: Uint8Array, end: number, width: number): void {
  const n = Math.min(to - from, width);
  for (let j = 1; j <= n; j++) out[end - j] = bytes[to - j];
}

/** u64 values as halves. */
export function halvesColumn(column: ColumnSource, rows: number): Uint32Array {
  const values = expect(column, rows);
  if (values.kind !== 'i64') column.fail(`no 64-bit integers`);
  return values.u32;
}

/** u64 nanoseconds as doubles. A span that ended before it started is stored modulo 2^64; it lasts 0 here as everywhere else in the table. */
export function durationColumn(column: ColumnSource, rows: number): Float64Array {
  const u32 = halvesColumn(column, rows);
  const out = new Float64Array(rows);
  for (let i = 0; i < rows; i++) out[i] = u32[2 * i + 1] >= 0x8000_0000 ? 0 : u32[2 * i + 1] * 0x1_0000_0000 + u32[2 * i];
  return out;
}

/** Integers below 2^32 in magnitude, of either width. */
export function smallInts(column: ColumnSource, rows: number): Int32Array {
  const values = column.lowWords();
  if (values.length !== rows) column.fail(`${values.length} values for ${rows} rows`);
  return values;
}

/** Enumerations of a byte. */
export function byteInts(column: ColumnSource, rows: number): Uint8Array {
  const words = smallInts(column, rows);
  const out = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) out[i] = words[i];
  return out;
}
