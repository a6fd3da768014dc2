export { judgesTraces } from './judges-traces.ts';
export { legacyQuery } from './legacy-query.ts';
export { mergeCertain, mergeSearch, oldestRank } from './merge-search.ts';
export type { MergeOptions } from './merge-search.ts';
export type {
  AnyValueJson,
  ExemplarJson,
  InstantSeriesJson,
  KeyValueJson,
  MetricsRequest,
  ProgressOptions,
  QueryInstantResponse,
  FindTraceOptions,
  QueryOptions,
  QueryRangeResponse,
  QueryService,
  SampleJson,
  SearchMetrics,
  SearchRequest,
  SearchResponse,
  SpanJson,
  SpanSetJson,
  TagScope,
  TagsRequest,
  TagsResponse,
  TagValue,
  TagValuesRequest,
  TagValuesResponse,
  TimeRange,
  TimeSeriesJson,
  TraceByIdResponse,
  TraceSearchMetadata,
} from './model.ts';
export { planSearch } from './plan-search.ts';
export type { PlanOptions, SearchPlan } from './plan-search.ts';
export { searchBatches } from './search.ts';
export type { Batches } from './load-ahead.ts';
export { SelectedColumns } from './selected-columns.ts';
export type { SearchOptions } from './search.ts';
export type { SearchPartial, SpansetPiece, TracePiece } from './search-partial.ts';
export { mergeTagNames, tagNames } from './tag-names.ts';
export { mergeTagValues, tagValues } from './tag-values.ts';
export { finishInstant, finishRange } from './metrics/finish-metrics.ts';
export { mergeMetrics, MetricsMerge } from './metrics/merge-metrics.ts';
export type { MergedMetrics } from './metrics/merge-metrics.ts';
export { metricsBatches } from './metrics/metrics-batches.ts';
export type { MetricsOptions } from './metrics/metrics-batches.ts';
export type { MetricsPartial } from './metrics/metrics-partial.ts';
export { planMetrics, rangeOf } from './metrics/plan-metrics.ts';
export type { MetricsMode, MetricsPlan } from './metrics/plan-metrics.ts';
