import { countPresent } from '@vivace/parquet';
import type { ColumnReader, DecodedLevels, DecodedValues } from '@vivace/parquet';
import type { ColumnSource } from './columns.ts';

/** Where a row's entries lie in a column, and their repetition levels. */
interface RowEntries {
  readonly reader: ColumnReader;
  readonly row: number;
  readonly from: number;
  readonly to: number;
  readonly repetition: DecodedLevels;
}

/**
 * Cuts one trace out of the columns of a row group. Most columns have one entry a span and so the very same repetition levels: these are
 * decoded once, which takes a third of the work out of a look-up.
 */
export class RowSlicer {
  readonly #seen: RowEntries[] = [];

  /** Row `row` of a column whose first row is row 0. The result borrows the column's arrays. */
  slice(reader: ColumnReader, row: number): ColumnSource {
    const { from, to, repetition } = this.#entries(reader, row);
    const definition = reader.definitionUpTo(to);
    const max = reader.leaf.maxDefinition;
    const first = countPresent(definition, max, 0, from);
    const present = countPresent(definition, max, from, to);
    let values: DecodedValues | undefined;
    const range = (): DecodedValues => (values ??= reader.valuesRange(first, first + present));
    return {
      leaf: reader.leaf,
      entries: to - from,
      fail: (problem) => reader.fail(problem),
      repetition: () => repetition,
      definition: () => sliceLevels(definition, from, to),
      present: () => present,
      values: range,
      lowWords: () => {
        const found = range();
        if (found.kind === 'i32') return found.i32;
        if (found.kind !== 'i64') return reader.fail('no integers');
        return Int32Array.from({ length: present }, (_, i) => found.u32[2 * i]);
      },
    };
  }

  #entries(reader: ColumnReader, row: number): RowEntries {
    const known = this.#seen.find((entries) => entries.row === row && reader.sharesRepetition(entries.reader));
    if (known) return known;
    const repetition = reader.repetition();
    const [from, to] = rowEntries(repetition, row);
    const entries = { reader, row, from, to, repetition: sliceLevels(repetition, from, to) };
    this.#seen.push(entries);
    return entries;
  }
}

function rowEntries({ constant, each, count }: DecodedLevels, row: number): readonly [from: number, to: number] {
  if (constant >= 0) return [Math.min(row, count), Math.min(row + 1, count)];
  let from = 0;
  for (let rows = -1; from < each.length; from++) if (each[from] === 0 && ++rows === row) break;
  let to = from + 1;
  while (to < each.length && each[to] !== 0) to++;
  return [from, Math.min(to, each.length)];
}

function sliceLevels({ constant, each }: DecodedLevels, from: number, to: number): DecodedLevels {
  return { count: to - from, constant, each: constant < 0 ? each.subarray(from, to) : each };
}
