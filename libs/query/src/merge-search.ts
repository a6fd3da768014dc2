import { hex } from '@vivace/base';
import type { SpanJson, SpanSetJson, TraceSearchMetadata } from './model.ts';
import { DEFAULT_SPANS_PER_SPAN_SET } from './search.ts';
import type { SearchPartial, SpansetPiece, TracePiece } from './search-partial.ts';

export interface MergeOptions {
  readonly limit: number;
  readonly spansPerSpanSet: number;
  /** Tag search: no span sets, no service statistics. */
  readonly legacy: boolean;
}

/** In place of the root's service while no root span is known (contract 1.3). */
const NO_ROOT = '<root span not yet received>';

/**
 * The final answer: newest first, ties by trace id. Pieces of one trace become one: spans united by id per span set (span sets are the
 * same when their `by` values are), earliest start, latest end, root names from the piece that has them, service statistics by the
 * larger count. Does not depend on the order or the grouping of the partials.
 */
export function mergeSearch(partials: readonly SearchPartial[], options: MergeOptions): readonly TraceSearchMetadata[] {
  return toAnswer(newestTraces(partials, options.limit).traces, options);
}

/** Unix nanoseconds: partials may leave out traces of which no piece starts later than this. Undefined: there are less than `limit` traces, and nothing is left out. */
export function oldestRank(partials: readonly SearchPartial[], limit: number): bigint | undefined {
  return newestTraces(partials, limit).last?.newest;
}

/** A trace begins with its root; the clocks of its hosts differ by less than this. */
const BEFORE_ROOT_NS = 60_000_000_000n;

/**
 * Those traces of the final answer that are sure already, as they will be in it, while other partials are still to come in which nothing
 * starts after `openUntilNs`. What is missing in these cannot push a newer trace out. It can add to a newer trace only before its
 * first piece: that will be dropped if `limit` newer traces are known, and is not to be expected if that piece has the root.
 */
export function mergeCertain(partials: readonly SearchPartial[], options: MergeOptions, openUntilNs: bigint): readonly TraceSearchMetadata[] {
  const { traces, last } = newestTraces(partials, options.limit);
  const isFull = last !== undefined && last.newest > openUntilNs;
  const certain = traces.filter((pieces) => {
    const first = pieces[0].startNs;
    return isFull ? first > openUntilNs : first > openUntilNs + BEFORE_ROOT_NS && pieces.some(hasRoot);
  });
  return toAnswer(certain, options);
}

interface RankedTrace {
  readonly pieces: readonly TracePiece[];
  readonly newest: bigint;
}

/** The newest traces, each with the pieces that count, the oldest of these first; and the oldest trace kept once there are `limit`. */
function newestTraces(partials: readonly SearchPartial[], limit: number): { readonly traces: readonly (readonly TracePiece[])[]; readonly last?: RankedTrace } {
  const traces = new Map<string, TracePiece[]>();
  for (const { pieces } of partials) {
    for (const piece of pieces) {
      const known = traces.get(piece.traceId);
      if (known) known.push(piece);
      else traces.set(piece.traceId, [piece]);
    }
  }
  const ranked = [...traces.values()].map((pieces): RankedTrace => ({ pieces: pieces.sort(inStorageOrder), newest: latestStart(pieces) }));
  ranked.sort((a, b) => compareNewest(a.newest, a.pieces[0].traceId, b.newest, b.pieces[0].traceId));
  const kept = ranked.slice(0, limit);
  const last = ranked.length >= limit ? kept.at(-1) : undefined;
  if (!last) return { traces: kept.map(({ pieces }) => pieces) };
  // As in every partial: what is older than the oldest trace kept was dropped somewhere, so it is dropped everywhere.
  const isKept = (piece: TracePiece): boolean => compareNewest(piece.startNs, piece.traceId, last.newest, last.pieces[0].traceId) <= 0;
  return { traces: kept.map(({ pieces }) => pieces.filter(isKept)), last };
}

function toAnswer(traces: readonly (readonly TracePiece[])[], options: MergeOptions): readonly TraceSearchMetadata[] {
  return traces
    .map((pieces) => mergeTrace(pieces, options))
    .sort((a, b) => compareNewest(BigInt(a.startTimeUnixNano), a.traceID, BigInt(b.startTimeUnixNano), b.traceID));
}

function compareNewest(startA: bigint, idA: string, startB: bigint, idB: string): number {
  if (startA !== startB) return startA > startB ? -1 : 1;
  return idA < idB ? -1 : idA > idB ? 1 : 0;
}

function latestStart(pieces: readonly TracePiece[]): bigint {
  return pieces.reduce((latest, piece) => (piece.startNs > latest ? piece.startNs : latest), pieces[0].startNs);
}

/** Any fixed order will do; by start, then by content. */
function inStorageOrder(a: TracePiece, b: TracePiece): number {
  if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
  if (a.durationNs !== b.durationNs) return b.durationNs - a.durationNs;
  const x = contentKey(a);
  const y = contentKey(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

function contentKey(piece: TracePiece): string {
  const sets = piece.spanSets.map((set) => [set.matched, set.group, set.attributes, hex(set.spanIds), set.spans]);
  return JSON.stringify([piece.rootServiceName, piece.rootTraceName, sets]);
}

function hasRoot(piece: TracePiece): boolean {
  return piece.rootServiceName !== '' || piece.rootTraceName !== '';
}

function mergeTrace(pieces: readonly TracePiece[], options: MergeOptions): TraceSearchMetadata {
  const [first] = pieces;
  const start = first.startNs;
  const endOffset = pieces.reduce((longest, piece) => Math.max(longest, Number(piece.startNs - start) + piece.durationNs), 0);
  const root = pieces.find(hasRoot);
  const durationMs = Math.floor(endOffset / 1e6);
  const spanSets = options.legacy ? [] : mergeSpansets(pieces, options.spansPerSpanSet || DEFAULT_SPANS_PER_SPAN_SET);
  return {
    traceID: first.traceId,
    ...rootNames(root),
    startTimeUnixNano: start.toString(),
    ...(durationMs === 0 ? {} : { durationMs }),
    ...(spanSets.length === 0 ? {} : { spanSet: spanSets[0], spanSets }),
    ...(options.legacy ? {} : { serviceStats: mergeStats(pieces) }),
  };
}

function rootNames(root: TracePiece | undefined): { rootServiceName?: string; rootTraceName?: string } {
  if (!root) return { rootServiceName: NO_ROOT };
  return {
    ...(root.rootServiceName === '' ? {} : { rootServiceName: root.rootServiceName }),
    ...(root.rootTraceName === '' ? {} : { rootTraceName: root.rootTraceName }),
  };
}

function mergeStats(pieces: readonly TracePiece[]): NonNullable<TraceSearchMetadata['serviceStats']> {
  const stats = new Map<string, { spanCount: number; errorCount: number }>();
  for (const piece of pieces) {
    for (const { service, spanCount, errorCount } of piece.serviceStats) {
      const known = stats.get(service);
      stats.set(service, { spanCount: Math.max(spanCount, known?.spanCount ?? 0), errorCount: Math.max(errorCount, known?.errorCount ?? 0) });
    }
  }
  return Object.fromEntries(
    [...stats]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([service, { spanCount, errorCount }]) => [service, errorCount === 0 ? { spanCount } : { spanCount, errorCount }]),
  );
}

function mergeSpansets(pieces: readonly TracePiece[], limit: number): readonly SpanSetJson[] {
  const sets = new Map<string, SpansetPiece[]>();
  for (const set of pieces.flatMap((piece) => piece.spanSets)) {
    const known = sets.get(set.group);
    if (known) known.push(set);
    else sets.set(set.group, [set]);
  }
  return [...sets.values()].map((same) => (same.length === 1 ? toJson(same[0], limit) : uniteSpansets(same, limit)));
}

function toJson(set: SpansetPiece, limit: number): SpanSetJson {
  return { spans: set.spans.slice(0, limit), matched: set.matched, ...attributesOf(set) };
}

/** Attributes of aggregates are those of the piece with most spans: they cannot be recomputed here. */
function uniteSpansets(sets: readonly SpansetPiece[], limit: number): SpanSetJson {
  const ids = new Set<string>();
  const spans = new Map<string, SpanJson>();
  let unidentified = 0;
  for (const set of sets) {
    for (let at = 0; at < set.spanIds.length; at += 8) ids.add(hex(set.spanIds, at, at + 8));
    unidentified = Math.max(unidentified, set.matched - set.spanIds.length / 8);
    for (const span of set.spans) if (!spans.has(span.spanID)) spans.set(span.spanID, span);
  }
  const largest = sets.reduce((a, b) => (b.matched > a.matched ? b : a));
  return { spans: [...spans.values()].slice(0, limit), matched: ids.size + unidentified, ...attributesOf(largest) };
}

function attributesOf(set: SpansetPiece): Pick<SpanSetJson, 'attributes'> {
  return set.attributes.length === 0 ? {} : { attributes: set.attributes };
}
