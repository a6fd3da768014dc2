import { anyAbove, countLevel } from '@vivace/parquet';
import type { ColumnReader, DecodedLevels, DecodedValues } from '@vivace/parquet';
import type { ColumnSource } from './columns.ts';
import { ownDictionary } from './own-dictionary.ts';

/** Where the entries of rows begin in a column, and their repetition levels. */
interface RowEntries {
  readonly reader: ColumnReader;
  readonly row: number;
  readonly from: number;
  readonly repetition: DecodedLevels;
}

/**
 * Copies neighbouring rows (traces) out of the columns of a row group; what is passed over is not decoded. Most columns have one entry a span and so the very
 * same repetition levels: the rows are looked for once in these.
 */
export class RowSlicer {
  readonly #rows: number;
  readonly #seen: RowEntries[] = [];

  constructor(rows: number) {
    this.#rows = rows;
  }

  /** The rows of a column from `row` on, counted in the column's pages. The result borrows nothing. */
  slice(reader: ColumnReader, row: number): ColumnSource {
    const { from, repetition } = this.#entries(reader, row);
    const max = reader.leaf.maxDefinition;
    const scan = reader.scanDefinition();
    const first = scan.countTo(from, max);
    const definition = new Uint8Array(repetition.count);
    scan.read(definition.length, definition, 0);
    if (anyAbove(definition, max)) reader.fail(`definition level above ${max}`);
    const present = countLevel(definition, max, max);
    return new RowColumn(reader, repetition, levelsOf(definition, max), ownDictionary(reader.copyValues(first, first + present)));
  }

  #entries(reader: ColumnReader, row: number): RowEntries {
    const known = this.#seen.find((entries) => entries.row === row && reader.sharesRepetition(entries.reader));
    if (known) return known;
    const scan = reader.scanRepetition();
    if (!scan.find(0, row)) reader.fail(`no entry for row ${row} of its pages`);
    const from = scan.position;
    const rows = scan.fork();
    scan.find(0, this.#rows);
    const repetition = new Uint8Array(scan.position - from);
    rows.read(repetition.length, repetition, 0);
    const entries = { reader, row, from, repetition: levelsOf(repetition, reader.leaf.maxRepetition) };
    this.#seen.push(entries);
    return entries;
  }
}

function levelsOf(each: Uint8Array, max: number): DecodedLevels {
  const count = each.length;
  const isConstant = count === 0 || countLevel(each, each[0], max) === count;
  return { count, constant: isConstant ? (each[0] ?? 0) : -1, each: isConstant ? NO_LEVELS : each };
}

const NO_LEVELS = new Uint8Array(0);

/** Some rows of a column. */
class RowColumn implements ColumnSource {
  readonly leaf: ColumnReader['leaf'];
  readonly #fail: (problem: string) => never;
  readonly #repetition: DecodedLevels;
  readonly #definition: DecodedLevels;
  readonly #values: DecodedValues;

  constructor(reader: ColumnReader, repetition: DecodedLevels, definition: DecodedLevels, values: DecodedValues) {
    this.leaf = reader.leaf;
    // Not the reader, which holds the pages.
    this.#fail = reader.failure();
    this.#repetition = repetition;
    this.#definition = definition;
    this.#values = values;
  }

  get entries(): number {
    return this.#repetition.count;
  }

  fail(problem: string): never {
    return this.#fail(problem);
  }

  repetition(): DecodedLevels {
    return this.#repetition;
  }

  definition(): DecodedLevels {
    return this.#definition;
  }

  present(): number {
    return this.#values.length;
  }

  values(): DecodedValues {
    return this.#values;
  }

  lowWords(): Int32Array {
    const values = this.#values;
    if (values.kind === 'i32') return values.i32;
    if (values.kind !== 'i64') return this.fail('no integers');
    return Int32Array.from({ length: values.length }, (_, i) => values.u32[2 * i]);
  }
}
