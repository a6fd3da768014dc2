import type { QueryApiConfig } from './query-api-config.ts';

/** Tempo's defaults, but short queries. */
export const QUERY_API_CONFIG: QueryApiConfig = {
  apiTimeoutMs: 0,
  maxQueryBytes: 1_000,
  deniedUrls: [],
  endCutoffMs: 0,
  loggedHeaders: [],
  objectives: { traces: none(), search: none(), metadata: none(), metrics: none() },
  search: { defaultResultLimit: 20, maxResultLimit: 262_144, maxDurationMs: 168 * 3_600_000, defaultSpansPerSpanSet: 3, maxSpansPerSpanSet: 100 },
  metrics: { maxDurationMs: 3 * 3_600_000, maxExemplars: 100, maxResponseSeries: 0, maxIntervals: 10_000 },
};

function none() {
  return { durationMs: 0, bytesPerSecond: 0 };
}
