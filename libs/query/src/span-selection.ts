import type { SpanColumns } from '@vivace/trace';
import type { Query } from '@vivace/traceql';
import type { Mask } from './mask.ts';
import type { Batch } from './batch.ts';
import { evaluateAtOwnLevel, evaluatePredicate } from './evaluate-predicate.ts';
import type { Level, NeedsBuilder } from './field.ts';
import { planAsked, planPredicate } from './predicate.ts';
import type { Predicate } from './predicate.ts';
import { standingRows } from './standing-rows.ts';
import type { AskedOf } from './standing-rows.ts';
import { timeFilter } from './time-filter.ts';
import type { TimeFilter } from './time-filter.ts';
import type { TimeRange } from './model.ts';

/** The spans that tag names and values are taken from: those of one filter, in traces overlapping a range. */
export interface SpanSelection extends AskedOf {
  readonly predicate: Predicate;
  readonly overlaps: TimeFilter | undefined;
}

const SECOND_NS = 1_000_000_000n;

/**
 * Plans `q` of the tag API. Undefined (all spans) unless the query is exactly one filter with a condition: what a user is still
 * typing, or a pipeline, does not restrict (contract 1.5).
 */
export function planSelection(query: Query | undefined, range: TimeRange | undefined, needs: NeedsBuilder): SpanSelection | undefined {
  const stage = query?.stages.length === 1 && !query.metrics ? query.stages[0] : undefined;
  if (stage?.kind !== 'filter') return undefined;
  if (stage.expr.kind === 'literal' && stage.expr.value.type === 'bool' && stage.expr.value.value) return undefined;
  const predicate = planPredicate(stage.expr, needs);
  if (range) needs.addColumns('traceTimes');
  const { expr } = stage;
  return {
    predicate,
    askedOf: (level) => planAsked([expr], level),
    overlaps: range && timeFilter(BigInt(range.startSec) * SECOND_NS, BigInt(range.endSec) * SECOND_NS),
  };
}

/** Rows of a level: row `r` is selected when `mask.bytes[of ? of[r] : r]` is set. */
export interface SelectedRows {
  readonly mask: Mask;
  readonly of: Uint32Array | undefined;
}

/** The selected rows at `level`: those with a selected span, of events and links those that stand for it. The caller gives the mask back. */
export function selectedRows(selection: SpanSelection, level: Level, batch: Batch): SelectedRows {
  const { columns } = batch;
  const { predicate } = selection;
  // The usual question, values of a tag within one service: spans are asked for their resource, not all marked first.
  if (level === 'span' && predicate.level === 'resource' && overlapsAll(selection, columns))
    return { mask: evaluateAtOwnLevel(predicate, batch), of: columns.spanResource() };
  return { mask: selectedMask(selection, level, batch), of: undefined };
}

function selectedMask(selection: SpanSelection, level: Level, batch: Batch): Mask {
  const spans = selectedSpans(selection, batch);
  if (level === 'span') return spans;
  const { columns } = batch;
  const rows = batch.rows(level);
  const out = batch.masks.take(rows);
  if (level === 'event' || level === 'link') {
    const owner = level === 'event' ? columns.eventSpan() : columns.linkSpan();
    const stands = standingRows(selection, level, batch);
    for (let row = 0; row < rows; row++) out.bytes[row] = spans.bytes[owner[row]] & (stands ? stands[row] : 1);
  } else {
    const owner = level === 'trace' ? batch.spanTrace() : level === 'resource' ? columns.spanResource() : columns.spanScope();
    for (let row = 0; row < columns.spanCount; row++) out.bytes[owner[row]] |= spans.bytes[row];
  }
  batch.masks.give(spans);
  return out;
}

function overlapsAll({ overlaps }: SpanSelection, columns: SpanColumns): boolean {
  if (!overlaps) return true;
  const start = columns.traceStart();
  const duration = columns.traceDuration();
  for (let t = 0; t < columns.traceCount; t++) if (!overlaps(start[2 * t + 1], start[2 * t], duration[t])) return false;
  return true;
}

function selectedSpans({ predicate, overlaps }: SpanSelection, batch: Batch): Mask {
  const { columns } = batch;
  const mask = evaluatePredicate(predicate, batch);
  if (!overlaps) return mask;
  const start = columns.traceStart();
  const duration = columns.traceDuration();
  const bounds = columns.traceSpans();
  // Most traces are in the range, mostly all.
  for (let t = 0; t < columns.traceCount; t++) if (!overlaps(start[2 * t + 1], start[2 * t], duration[t])) mask.bytes.fill(0, bounds[t], bounds[t + 1]);
  return mask;
}
