import type { Section } from '@vivace/parquet';
import type { AttrScope } from '@vivace/trace';
import type { AttrSources } from './attr-group.ts';
import type { RowGroupAccess } from './block-layout.ts';
import { ATTR_COLUMN, ATTR_COLUMNS } from './columns.ts';
import type { ColumnSource } from './columns.ts';

/** Columns of some whole traces, by number in our schema. */
export class ColumnSet {
  readonly traceCount: number;
  readonly #access: RowGroupAccess;
  /** `null` = known to have no value. */
  readonly #columns = new Map<number, ColumnSource | null>();

  constructor(access: RowGroupAccess, traceCount = access.group.numRows) {
    this.#access = access;
    this.traceCount = traceCount;
  }

  /**
   * Those of `columns` that have to be read: known ones are not, nor are those that the footer says are without values, unless it is `structure`, of
   * which only the levels are of interest.
   */
  wanting(columns: Iterable<number>, structure = -1): number[] {
    const wanted: number[] = [];
    for (const column of new Set(columns)) {
      if (column === structure ? this.#columns.get(column) : this.#columns.has(column)) continue;
      if (column !== structure && this.#access.isEmpty(column)) this.#columns.set(column, null);
      else wanted.push(column);
    }
    return wanted;
  }

  set(column: number, source: ColumnSource | undefined): void {
    this.#columns.set(column, source ?? null);
  }

  /** What is known to `other`, a set of the same traces. */
  setAll(other: ColumnSet): void {
    for (const [column, source] of other.#columns) this.#columns.set(column, source);
  }

  /** Forgets a column, giving its memory back: nothing that came from it may be in use. */
  release(column: number): void {
    this.#columns.get(column)?.release?.();
    this.#columns.delete(column);
  }

  /** Undefined when the column has no value in these traces. Asking for a column that was not loaded is a bug of the caller. */
  get(column: number): ColumnSource | undefined {
    const source = this.#columns.get(column);
    if (source === undefined) throw new Error(`column ${column} was not loaded`);
    return source ?? undefined;
  }

  /** A column that must have a value in every row of its level. */
  required(column: number): ColumnSource {
    const source = this.get(column);
    if (source === undefined) this.#access.fail(column, 'has no values');
    return source;
  }

  attrs(scope: AttrScope): AttrSources {
    return Array.from({ length: ATTR_COLUMNS }, (_, i) => this.get(ATTR_COLUMN[scope] + i));
  }
}

/** Reads whole chunks of the columns, which the set does not have yet; resolves to the memory read, which the columns borrow. */
export async function loadChunks(access: RowGroupAccess, set: ColumnSet, columns: readonly number[], signal?: AbortSignal): Promise<readonly Section[]> {
  const sections = await access.fetch(
    columns.map((column) => access.chunkRange(column)),
    signal,
  );
  columns.forEach((column, i) => set.set(column, access.reader(column, [sections[i]])));
  return sections;
}
