import type { DecodedLevels } from '@vivace/parquet';
import type { ColumnSource } from './columns.ts';

/** One level an entry, also when all are equal. */
export function levelBytes(levels: DecodedLevels): Uint8Array {
  return levels.constant < 0 ? levels.each : new Uint8Array(levels.count).fill(levels.constant);
}

/**
 * Where the elements of list `level` begin, for each of the `owners` rows of the level above: owner `r` has the elements
 * `[offsets[r], offsets[r + 1])`. One pass over the column's levels, none when no owner has an element.
 */
export function listOffsets(column: ColumnSource, level: number, owners: number): Uint32Array {
  const { leaf } = column;
  const offsets = new Uint32Array(owners + 1);
  const ownerAt = level === 1 ? 0 : leaf.repeatedAt[level - 2];
  const elementAt = leaf.repeatedAt[level - 1];
  const definition = column.definition();
  // Every entry ends above the list: no elements anywhere.
  if (definition.constant >= 0 && definition.constant < elementAt) return offsets;
  const rep = levelBytes(column.repetition());
  const n = column.entries;
  let owner = 0;
  let elements = 0;
  if (definition.constant >= 0) {
    for (let i = 0; i < n; i++) {
      const r = rep[i];
      if (r < level) offsets[owner++] = elements;
      if (r <= level) elements++;
    }
  } else {
    const def = definition.each;
    for (let i = 0; i < n; i++) {
      const r = rep[i];
      const d = def[i];
      if (r < level && d >= ownerAt) offsets[owner++] = elements;
      if (r <= level && d >= elementAt) elements++;
    }
  }
  offsets[owners] = elements;
  if (owner !== owners) column.fail(`${owner} rows at level ${level - 1}, ${owners} are due,`);
  return offsets;
}

/** The owner of each element: the inverse of offsets. */
export function ownersOf(offsets: Uint32Array): Uint32Array {
  const owners = new Uint32Array(offsets[offsets.length - 1]);
  for (let r = 0; r + 1 < offsets.length; r++) for (let i = offsets[r]; i < offsets[r + 1]; i++) owners[i] = r;
  return owners;
}

/** The rows of level `level` at which an optional column of that level has a value, ascending: row of each dense value. */
export function presentRows(column: ColumnSource, level: number): Uint32Array {
  const { leaf } = column;
  const rows = new Uint32Array(column.present());
  const definition = column.definition();
  if (definition.constant >= 0) {
    if (definition.constant === leaf.maxDefinition) for (let i = 0; i < rows.length; i++) rows[i] = i;
    return rows;
  }
  const def = definition.each;
  const rowAt = leaf.repeatedAt[level - 1];
  const max = leaf.maxDefinition;
  const n = column.entries;
  let row = 0;
  let out = 0;
  for (let i = 0; i < n; i++) {
    const d = def[i];
    if (d === max) rows[out++] = row;
    if (d >= rowAt) row++;
  }
  return rows;
}

/** Where the spans of each trace begin, `traceCount + 1` offsets: one pass over the levels of any column with one entry a span. */
export function traceOffsets(column: ColumnSource, traceCount: number): Uint32Array {
  const n = column.entries;
  const rep = levelBytes(column.repetition());
  const spanAt = column.leaf.repeatedAt[2];
  const offsets = new Uint32Array(traceCount + 1);
  const definition = column.definition();
  let trace = 0;
  let span = 0;
  if (definition.constant >= spanAt) {
    for (; span < n; span++) if (rep[span] === 0) offsets[trace++] = span;
  } else {
    const def = levelBytes(definition);
    for (let i = 0; i < n; i++) {
      if (rep[i] === 0) offsets[trace++] = span;
      if (def[i] >= spanAt) span++;
    }
  }
  offsets[traceCount] = span;
  if (trace !== traceCount) column.fail(`${trace} traces, ${traceCount} are due,`);
  return offsets;
}

/** How spans fall into rows of a level above. */
export interface SpanOwners {
  /** Rows of the level. */
  readonly count: number;
  /** The row of each span. */
  readonly owners: Uint32Array;
}

/** Reads the owners of `spanCount` spans at `level` (1 resource, 2 scope) off the levels of any column with one entry a span. */
export function spanOwners(column: ColumnSource, level: 1 | 2, spanCount: number): SpanOwners {
  const n = column.entries;
  const rep = levelBytes(column.repetition());
  const definition = column.definition();
  const ownerAt = column.leaf.repeatedAt[level - 1];
  const spanAt = column.leaf.repeatedAt[2];
  const owners = new Uint32Array(spanCount);
  let owner = -1;
  if (definition.constant >= spanAt) {
    for (let i = 0; i < n; i++) {
      owner += +(rep[i] <= level);
      owners[i] = owner;
    }
    return { count: owner + 1, owners };
  }
  const def = levelBytes(definition);
  let span = 0;
  for (let i = 0; i < n; i++) {
    const d = def[i];
    owner += +(rep[i] <= level) & +(d >= ownerAt);
    if (d >= spanAt) owners[span++] = owner;
  }
  return { count: owner + 1, owners };
}
