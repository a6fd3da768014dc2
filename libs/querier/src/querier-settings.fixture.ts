import type { QuerierDeps } from './querier.ts';

const MIB = 1_048_576;

/** Wide limits. */
export const QUERIER_SETTINGS = {
  searchJobs: { maxPerQuery: 100, targetBytes: 100 * MIB },
  metricsJobs: { maxPerQuery: 100, targetBytes: 100 * MIB },
  jobLimits: { maxRunning: 100, maxPerTenant: 100 },
  jobWeights: { areUsed: true, ofRetries: true, maxConditions: 4, maxRegexConditions: 1 },
  maxMetricsSeries: 1_000,
  queryLimits: { maxBytes: 0, maxSpans: 0, maxGroups: 0 },
  maxTagBytes: () => 0,
  maxTraceBytes: () => 0,
  maxTagValueBlocks: () => 0,
  recentWindowMs: 900_000,
  tagWindowMs: 3_600_000,
  endCutoffMs: 0,
  searchTimeoutMs: 60_000,
  traceByIdTimeoutMs: 60_000,
  extraDelayMs: 0,
} as const satisfies Partial<QuerierDeps>;
