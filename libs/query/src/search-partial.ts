import type { KeyValueJson, SpanJson } from './model.ts';

/** Matched spans beyond this many in one span set of one piece are counted but not identified: see `SpansetPiece.spanIds`. */
export const MAX_IDENTIFIED_SPANS = 10_000;

export interface SpansetPiece {
  /** Span sets of one trace are the same when this is: the values of its `by`, with their types. */
  readonly group: string;
  readonly attributes: readonly KeyValueJson[];
  /** The first `spansPerSpanSet` in storage order. */
  readonly spans: readonly SpanJson[];
  readonly matched: number;
  /** 8 bytes per matched span, in storage order, at most `MAX_IDENTIFIED_SPANS`. Duplicates across pieces are recognised within these. */
  readonly spanIds: Uint8Array;
}

/** What one batch says of one trace. The trace may have further pieces in other batches. */
export interface TracePiece {
  /** 32 hex digits. */
  readonly traceId: string;
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly rootServiceName: string;
  readonly rootTraceName: string;
  readonly serviceStats: readonly { readonly service: string; readonly spanCount: number; readonly errorCount: number }[];
  readonly spanSets: readonly SpansetPiece[];
}

/** The answer over some batches, to be merged with others by `mergeSearch`. Plain data: crosses threads by structured clone. */
export interface SearchPartial {
  /** Pieces of the newest traces (`limit` of them) seen in these batches. */
  readonly pieces: readonly TracePiece[];
  readonly inspectedTraces: number;
  readonly inspectedSpans: number;
  readonly inspectedBytes: number;
}
