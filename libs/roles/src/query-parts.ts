import type { TenantId } from '@vivace/base';
import type { Config } from '@vivace/config';
import type { JobSize, QuerierDeps } from '@vivace/querier';
import type { Overrides } from './overrides.ts';
import type { Runtime } from './runtime.ts';

/** How far back queries of tenants may reach. */
export function rangeLimits({ queryFrontend: { search, metrics } }: Config, overrides: Overrides) {
  return {
    maxSearchDurationMs: (tenant: TenantId) => overrides.strictest(tenant, (limits) => limits.maxSearchDurationMs, search.maxDurationMs),
    maxMetricsDurationMs: (tenant: TenantId) => overrides.strictest(tenant, (limits) => limits.maxMetricsDurationMs, metrics.maxDurationMs),
  };
}

function jobSize({ concurrentJobs, targetBytesPerJob }: { readonly concurrentJobs: number; readonly targetBytesPerJob: number }): JobSize {
  return { maxPerQuery: concurrentJobs, targetBytes: targetBytesPerJob };
}

/** What planning a query needs, wherever its parts are done. */
export function plannerSettings(
  { config, clock, logger, metrics }: Runtime,
  overrides: Overrides,
): Omit<QuerierDeps, 'recent' | 'blocks' | 'pool' | 'threads' | 'jobLimits'> {
  return {
    searchJobs: jobSize(config.queryFrontend.search),
    metricsJobs: jobSize(config.queryFrontend.metrics),
    jobWeights: config.queryFrontend.weights,
    maxMetricsSeries: config.querier.maxMetricsSeries,
    queryLimits: config.querier.queryLimits,
    maxTraceBytes: (tenant) => overrides.strictest(tenant, (limits) => limits.maxBytesPerTrace),
    maxTagBytes: (tenant) => overrides.strictest(tenant, (limits) => limits.maxBytesPerTagValuesQuery),
    maxTagValueBlocks: (tenant) => overrides.limits(tenant).maxBlocksPerTagValuesQuery,
    recentWindowMs: config.queryFrontend.search.queryBackendAfterMs,
    tagWindowMs: config.queryFrontend.search.defaultTagRangeMs,
    endCutoffMs: config.queryFrontend.endCutoffMs,
    searchTimeoutMs: config.querier.searchTimeoutMs,
    traceByIdTimeoutMs: config.querier.traceByIdTimeoutMs,
    extraDelayMs: config.querier.extraDelayMs,
    clock,
    logger,
    metrics,
  };
}
