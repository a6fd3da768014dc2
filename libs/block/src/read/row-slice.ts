import type { DecodedLevels, DecodedValues } from '@vivace/parquet';
import type { ColumnSource } from './columns.ts';

/** Cuts one row out of a column whose first row is row 0. The result borrows the column's arrays. */
export function sliceRow(column: ColumnSource, row: number): ColumnSource {
  const [from, to] = rowEntries(column, row);
  const definition = column.definition();
  const max = column.leaf.maxDefinition;
  const first = countLevel(definition, max, 0, from);
  const present = countLevel(definition, max, from, to);
  const slice = (levels: DecodedLevels): DecodedLevels => ({
    count: to - from,
    constant: levels.constant,
    each: levels.constant < 0 ? levels.each.subarray(from, to) : levels.each,
  });
  return {
    leaf: column.leaf,
    entries: to - from,
    fail: (problem) => column.fail(problem),
    repetition: () => slice(column.repetition()),
    definition: () => slice(definition),
    present: () => present,
    values: () => sliceValues(column.values(), first, first + present),
    lowWords: () => column.lowWords().subarray(first, first + present),
  };
}

function rowEntries(column: ColumnSource, row: number): readonly [from: number, to: number] {
  const repetition = column.repetition();
  if (repetition.constant >= 0) return [Math.min(row, column.entries), Math.min(row + 1, column.entries)];
  const { each } = repetition;
  let from = 0;
  for (let rows = -1; from < each.length; from++) if (each[from] === 0 && ++rows === row) break;
  let to = from + 1;
  while (to < each.length && each[to] !== 0) to++;
  return [from, Math.min(to, each.length)];
}

function countLevel(levels: DecodedLevels, level: number, from: number, to: number): number {
  if (levels.constant >= 0) return levels.constant === level ? to - from : 0;
  const { each } = levels;
  let n = 0;
  for (let i = from; i < to; i++) n += each[i] === level ? 1 : 0;
  return n;
}

function sliceValues(values: DecodedValues, from: number, to: number): DecodedValues {
  const length = to - from;
  switch (values.kind) {
    case 'dictionary':
      return { ...values, length, ids: values.ids.subarray(from, to) };
    case 'bytes': {
      const start = from === 0 ? 0 : values.ends[from - 1];
      const end = length === 0 ? start : values.ends[to - 1];
      return { kind: 'bytes', length, bytes: values.bytes.subarray(start, end), ends: values.ends.slice(from, to).map((e) => e - start) };
    }
    case 'i64':
      // A copy, so that its buffer holds these values only: other typed arrays may alias it.
      return { kind: 'i64', length, u32: values.u32.slice(2 * from, 2 * to) };
    case 'i32':
      return { kind: 'i32', length, i32: values.i32.subarray(from, to) };
    case 'f64':
      return { kind: 'f64', length, f64: values.f64.slice(from, to) };
    case 'f32':
      return { kind: 'f32', length, f32: values.f32.subarray(from, to) };
    case 'bool':
      return { kind: 'bool', length, u8: values.u8.subarray(from, to) };
    default:
      return { ...values, length, bytes: values.bytes.subarray(from * values.width, to * values.width) };
  }
}
