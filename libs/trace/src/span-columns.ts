import type { StringDict } from './string-dictionary.ts';

export type AttrScope = 'resource' | 'scope' | 'span' | 'event' | 'link';

/** One string id per row of its level. Columns of a block have a dictionary each; columns of a table share one. */
export interface StringColumn {
  readonly ids: Uint32Array;
  readonly dict: StringDict;
}

/**
 * All values of one attribute key at one scope, sparse: entry `i` belongs to owner row `rows[i]` (ascending).
 * An array attribute gives one entry per element, all with the same row and `array[i] = 1`; a duplicate key gives several
 * entries too. Values without a scalar reading (kvlist, bytes, mixed, empty array) appear once with type `ATTR_JSON` and
 * match no comparison, but the key exists. `f64`, `i64`, `u32` alias the same memory (see `AttrList`); a string's id
 * is `u32[2 * i]` in `dict`; a bool is `u32[2 * i]`.
 */
export interface AttrColumn {
  readonly count: number;
  readonly rows: Uint32Array;
  readonly types: Uint8Array;
  readonly f64: Float64Array;
  readonly i64: BigInt64Array;
  readonly u32: Uint32Array;
  readonly dict: StringDict;
  readonly array: Uint8Array | undefined;
}

/**
 * Attributes of any key, row by row of their owners: entry `i` belongs to owner row `rows[i]` (ascending) and has the key `keys[i]` of `keyDict`. The rest is as in
 * `AttrColumn`: an array gives one entry per element, a duplicate key several.
 */
export interface AttrEntries {
  readonly count: number;
  readonly rows: Uint32Array;
  readonly keys: Uint32Array;
  readonly types: Uint8Array;
  readonly f64: Float64Array;
  readonly u32: Uint32Array;
  readonly keyDict: StringDict;
  readonly dict: StringDict;
}

/** Nested-set numbers per span row (docs/format/block.md): 0/0/0 when not reachable from a root, parent -1 for a root. */
export interface NestedSets {
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly parent: Int32Array;
}

export interface ServiceStat {
  readonly service: string;
  readonly spanCount: number;
  readonly errorCount: number;
}

/** What `load` may be asked for. `spanResource`/`spanScope` come with 'resource' and 'scope'; trace boundaries always come. */
export type ColumnName =
  | 'traceId'
  | 'traceTimes'
  | 'roots'
  | 'serviceStats'
  | 'spanId'
  | 'parentId'
  | 'start'
  | 'duration'
  | 'kind'
  | 'status'
  | 'name'
  | 'statusMessage'
  | 'nestedSets'
  | 'resource'
  | 'scope'
  | 'scopeName'
  | 'scopeVersion'
  | 'events'
  | 'eventName'
  | 'eventOffset'
  | 'links'
  | 'linkTraceId'
  | 'linkSpanId';

export interface AttrRef {
  readonly scope: AttrScope;
  readonly key: string;
}

/** The result of planning: what a query must see of a batch. */
export interface ColumnNeeds {
  readonly columns: ReadonlySet<ColumnName>;
  readonly attrs: readonly AttrRef[];
  /** Only columns of traces are asked for (ids, times, roots, statistics of services): boundaries of traces and the number of spans need not come. */
  readonly tracesOnly?: boolean;
}

/** What is known of the values of an attribute before they are read. */
export interface ValueSummary {
  /** Every string among the values is in one of these, besides others. Undefined: not known. */
  readonly strings: readonly StringDict[] | undefined;
  /** Every number among the values is NaN or lies in `[min, max]`; `min` is above `max` when there is none. Undefined: not known. */
  readonly numbers: { readonly min: number; readonly max: number } | undefined;
  /** There are no other strings in those, and no values but strings. */
  readonly isExact: boolean;
  /** The values are at hand: asking them costs no more than asking the summary. */
  readonly isLoaded: boolean;
}

/**
 * A batch of whole traces in columns: the only thing the query engine knows of storage. Implemented over a span table
 * (head, part) and over a row group of a block.
 *
 * Spans of trace row `t` are the rows `[traceSpans()[t], traceSpans()[t + 1])`. Resource, scope, event and link rows are levels of
 * their own, joined through `spanResource`, `spanScope`, `eventSpan`, `linkSpan`. `load` fetches; the getters decode (lazily, cached)
 * and are synchronous. A getter whose column was not loaded throws. Callers must not write into what getters return.
 * u64 times come as halves: low word at `2 * row`, high word at `2 * row + 1`.
 */
export interface SpanColumns {
  readonly traceCount: number;
  readonly spanCount: number;
  load(needs: ColumnNeeds, signal?: AbortSignal): Promise<void>;
  /** Bytes read from storage by `load` so far (0 for memory). */
  readonly inspectedBytes: number;
  /**
   * Loads `needs` for the ascending rows `traces`: resolves to a batch of one trace for each of them, of which only what it needs was read, or to undefined after
   * loading them here for all traces. Absent where it would save nothing.
   */
  loadTraces?(needs: ColumnNeeds, traces: Uint32Array, signal?: AbortSignal): Promise<readonly SpanColumns[] | undefined>;
  /** For leaving a batch out before it is loaded: reads dictionaries and bounds only. Absent where asking the values costs no more. */
  summarise?(attr: AttrRef, signal?: AbortSignal): Promise<ValueSummary>;
  /** The same rows, nothing loaded: to let go of what is loaded and yet come back. Absent where that would free nothing. */
  reopen?(): SpanColumns;
  /**
   * The same rows for one look at many columns: what is loaded through it others do not find, and attributes are decoded anew whenever they are asked. What is
   * here already it has. Absent where nothing would be saved.
   */
  passing?(): SpanColumns;
  /**
   * Shows the attributes of some ascending rows of a level (undefined: all), of all keys in one pass, and keeps nothing of it. The level's columns
   * ('resource', 'scope', …) must be loaded. Resolves to the keys left out, which `attr` tells. A slice holds all entries of
   * its rows with its keys, and is valid until `visit` returns. Absent where a pass for each key costs no more.
   */
  visitAttrs?(scope: AttrScope, rows: Uint32Array | undefined, visit: (slice: AttrEntries) => void, signal?: AbortSignal): Promise<readonly string[]>;

  traceSpans(): Uint32Array;
  /** 16 bytes a trace. */
  traceIds(): Uint8Array;
  traceStart(): Uint32Array;
  traceDuration(): Float64Array;
  rootService(): StringColumn;
  rootName(): StringColumn;
  serviceStats(trace: number): readonly ServiceStat[];

  resourceCount(): number;
  spanResource(): Uint32Array;
  scopeCount(): number;
  spanScope(): Uint32Array;
  scopeName(): StringColumn;
  scopeVersion(): StringColumn;

  /** 8 bytes a span. */
  spanIds(): Uint8Array;
  /** 8 bytes a span, zero for roots. */
  parentIds(): Uint8Array;
  spanStart(): Uint32Array;
  spanDuration(): Float64Array;
  kind(): Uint8Array;
  status(): Uint8Array;
  name(): StringColumn;
  statusMessage(): StringColumn;
  nestedSets(): NestedSets;

  eventCount(): number;
  eventSpan(): Uint32Array;
  eventName(): StringColumn;
  /** Event time minus span start, modulo 2^64. */
  eventOffset(): Uint32Array;

  linkCount(): number;
  linkSpan(): Uint32Array;
  /** 16 bytes a link. */
  linkTraceIds(): Uint8Array;
  /** 8 bytes a link. */
  linkSpanIds(): Uint8Array;

  /** Every place that holds values of the key (a block may have a dedicated column and the generic list). Empty when the key is unknown. */
  attr(scope: AttrScope, key: string): readonly AttrColumn[];
  /** The keys present at a scope, from dictionaries, without scanning values. `load` of nothing is needed. */
  attrKeys(scope: AttrScope, signal?: AbortSignal): Promise<readonly string[]>;
}
