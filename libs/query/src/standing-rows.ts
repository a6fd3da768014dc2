import type { Batch } from './batch.ts';
import { evaluateAtOwnLevel } from './evaluate-predicate.ts';
import type { FineLevel, Predicate } from './predicate.ts';

/** What the filters of a query ask of one event (link) alone; undefined: nothing. */
export interface AskedOf {
  askedOf(level: FineLevel): Predicate | undefined;
}

/**
 * 1 for the events (links) that stand for their span outside filters: those of which a filter holds, all of a span where it holds of none.
 * Undefined: all do. Needs the columns of the filters.
 */
export function standingRows(filters: AskedOf, level: FineLevel, batch: Batch): Uint8Array | undefined {
  const asked = filters.askedOf(level);
  if (!asked) return undefined;
  const { columns } = batch;
  const rows = batch.rows(level);
  const owner = level === 'event' ? columns.eventSpan() : columns.linkSpan();
  const mask = evaluateAtOwnLevel(asked, batch);
  const stands = mask.bytes.slice(0, rows);
  batch.masks.give(mask);
  for (let from = 0, to = 0; from < rows; from = to) {
    let some = 0;
    for (to = from; to < rows && owner[to] === owner[from]; to++) some |= stands[to];
    if (some === 0) stands.fill(1, from, to);
  }
  return stands;
}
