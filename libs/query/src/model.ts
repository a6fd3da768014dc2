// Questions and answers of the query API, in the shape of Tempo's protobuf JSON (names, string int64, absent zero values),
// so that the HTTP edge only serialises. Source: docs/compat/api.md (tempopb SearchResponse and kin).
import type { TenantId } from '@vivace/base';
import type { SpanTable } from '@vivace/trace';
import type { FieldRef, Query } from '@vivace/traceql';

export type AnyValueJson =
  | { readonly stringValue: string }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly boolValue: boolean }
  | { readonly arrayValue: { readonly values: readonly AnyValueJson[] } };

export interface KeyValueJson {
  readonly key: string;
  readonly value: AnyValueJson;
}

export interface SpanJson {
  /** 16 lower-case hex digits. */
  readonly spanID: string;
  /** Only when the query mentions the name. */
  readonly name?: string;
  readonly startTimeUnixNano: string;
  readonly durationNanos?: string;
  readonly attributes?: readonly KeyValueJson[];
}

export interface SpanSetJson {
  readonly spans: readonly SpanJson[];
  readonly matched: number;
  readonly attributes?: readonly KeyValueJson[];
}

export interface TraceSearchMetadata {
  /** 32 lower-case hex digits (padded: docs/compat/deviations.md). */
  readonly traceID: string;
  readonly rootServiceName?: string;
  readonly rootTraceName?: string;
  readonly startTimeUnixNano: string;
  readonly durationMs?: number;
  readonly spanSet?: SpanSetJson;
  readonly spanSets?: readonly SpanSetJson[];
  readonly serviceStats?: Readonly<Record<string, { readonly spanCount: number; readonly errorCount?: number }>>;
}

export interface SearchMetrics {
  readonly inspectedTraces?: number;
  readonly inspectedBytes?: string;
  readonly totalBlocks?: number;
  readonly completedJobs?: number;
  readonly totalJobs?: number;
  readonly totalBlockBytes?: string;
  readonly inspectedSpans?: string;
}

export interface SearchResponse {
  readonly traces: readonly TraceSearchMetadata[];
  readonly metrics: SearchMetrics;
}

/** Unix seconds, both or neither. Without a range only recent data is asked. */
export interface TimeRange {
  readonly startSec: number;
  readonly endSec: number;
}

export interface SearchRequest {
  readonly query: Query;
  readonly limit: number;
  readonly spansPerSpanSet: number;
  readonly range: TimeRange | undefined;
  /** Tag search (`tags=`, `minDuration=`) answers without span sets. */
  readonly legacy: boolean;
}

export type TagScope = 'resource' | 'span' | 'event' | 'link' | 'instrumentation' | 'intrinsic';

export interface TagsRequest {
  /** Absent: all scopes. */
  readonly scope: TagScope | undefined;
  /** Restricts to spans matching this one filter. */
  readonly query: Query | undefined;
  readonly range: TimeRange | undefined;
  /** Most names per scope, 0 = no limit. */
  readonly limit: number;
}

export interface TagsResponse {
  /** Scopes without tags are left out. Names sorted. */
  readonly scopes: readonly { readonly name: TagScope; readonly tags: readonly string[] }[];
  readonly inspectedBytes: number;
}

export interface TagValuesRequest {
  /** As in the path: `resource.service.name`, `.foo`, `name`, `span:status`. Already parsed. */
  readonly tag: FieldRef;
  readonly query: Query | undefined;
  readonly range: TimeRange | undefined;
  readonly limit: number;
}

export interface TagValue {
  readonly type: 'string' | 'int' | 'float' | 'bool' | 'duration' | 'keyword';
  readonly value: string;
}

export interface TagValuesResponse {
  readonly values: readonly TagValue[];
  readonly inspectedBytes: number;
}

export interface TraceByIdResponse {
  /** A table holding exactly the one trace (row 0), combined and without duplicate spans; undefined when not found. */
  readonly trace: SpanTable | undefined;
  readonly inspectedBytes: number;
  /** Set when the answer is incomplete: why. */
  readonly partialMessage?: string;
}

/** A metrics query. Times are unix nanoseconds as asked; the engine aligns them to the step (docs/compat/api.md). */
export interface MetricsRequest {
  /** Checked; has a metrics stage. */
  readonly query: Query;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** At least 1. An instant query has one bucket, `(startNs, endNs]`, and no alignment. */
  readonly stepNs: bigint;
  /** Most exemplars; 0: none. A hint of the query has the last word. */
  readonly exemplars: number;
  /** Most series of the answer; 0: no limit. */
  readonly maxSeries: number;
}

export interface SampleJson {
  readonly timestampMs: string;
  /** Absent: 0. */
  readonly value?: number;
}

export interface ExemplarJson {
  readonly labels: readonly KeyValueJson[];
  readonly value?: number;
  readonly timestampMs: string;
}

export interface TimeSeriesJson {
  readonly labels: readonly KeyValueJson[];
  readonly samples: readonly SampleJson[];
  readonly exemplars?: readonly ExemplarJson[];
}

export interface InstantSeriesJson {
  readonly labels: readonly KeyValueJson[];
  /** Absent: 0. */
  readonly value?: number;
}

interface MetricsResponse<S> {
  readonly series: readonly S[];
  readonly metrics: SearchMetrics;
  /** With `message` only when something is left out. */
  readonly status?: 'PARTIAL';
  readonly message?: string;
}

export type QueryRangeResponse = MetricsResponse<TimeSeriesJson>;
export type QueryInstantResponse = MetricsResponse<InstantSeriesJson>;

export interface QueryOptions {
  readonly signal?: AbortSignal;
}

export interface FindTraceOptions extends QueryOptions {
  /** While the object store is away, what recent data has of a trace is an answer, with a `partialMessage`. */
  readonly inPart?: boolean;
}

export interface ProgressOptions<T> extends QueryOptions {
  /**
   * Called whenever more of the answer is known, never after the promise settled. `answer()` merges what is there so far, so ask only when it will be
   * sent. What it says stays true: a trace in it is in the final answer as it is (but for spans long before its root, see `mergeCertain`), a
   * series holds only what is counted so far.
   */
  readonly onProgress?: (answer: () => T) => void;
}

/** What the HTTP and gRPC edges ask, of one tenant or several (`tenantsOf`). Errors are AppError (invalid_argument, resource_exhausted, unimplemented, …). */
export interface QueryService {
  findTrace(tenant: TenantId, traceId: Uint8Array, range: TimeRange | undefined, options?: FindTraceOptions): Promise<TraceByIdResponse>;
  search(tenant: TenantId, request: SearchRequest, options?: ProgressOptions<SearchResponse>): Promise<SearchResponse>;
  queryRange(tenant: TenantId, request: MetricsRequest, options?: ProgressOptions<QueryRangeResponse>): Promise<QueryRangeResponse>;
  /** One value a series over `(startNs, endNs]`; `stepNs` is not read. */
  queryInstant(tenant: TenantId, request: MetricsRequest, options?: ProgressOptions<QueryInstantResponse>): Promise<QueryInstantResponse>;
  tags(tenant: TenantId, request: TagsRequest, options?: QueryOptions): Promise<TagsResponse>;
  tagValues(tenant: TenantId, request: TagValuesRequest, options?: QueryOptions): Promise<TagValuesResponse>;
}
