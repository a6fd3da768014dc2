import type { DedicatedColumn } from './config.ts';
import type { Value } from './schema/node.ts';
import type { tenantEntry } from './schema/overrides.ts';

/** The limits of one tenant, resolved. */
export interface Limits {
  readonly ingestionRateBytes: number;
  readonly ingestionBurstBytes: number;
  /** 0 is no limit. */
  readonly maxLiveTraces: number;
  /** Of all ingesters; 0 is no limit. */
  readonly maxGlobalLiveTraces: number;
  /** Ingesters the tenant is spread over; 0 is all. */
  readonly tenantShardSize: number;
  /** 0 is the distributor's own. */
  readonly maxAttributeBytes: number;
  /** 0 is the distributor's own. */
  readonly artificialDelayMs: number;
  readonly retryInfoEnabled: boolean;
  /** 0 is no limit. */
  readonly maxBytesPerTrace: number;
  /** 0 is no limit. */
  readonly maxBytesPerTagValuesQuery: number;
  /** 0 is no limit. */
  readonly maxBlocksPerTagValuesQuery: number;
  /** 0 is the query frontend's own. */
  readonly maxSearchDurationMs: number;
  /** 0 is the query frontend's own. */
  readonly maxMetricsDurationMs: number;
  /** 0 is the compactor's own. */
  readonly blockRetentionMs: number;
  /** 0 is the compactor's own. */
  readonly compactionWindowMs: number;
  readonly compactionDisabled: boolean;
  /** Empty is the storage's own. */
  readonly dedicatedColumns: readonly DedicatedColumn[];
  readonly metricsGenerator: MetricsGeneratorLimits;
}

export interface MetricsGeneratorLimits {
  /** With none no spans are sent to generators. */
  readonly processors: readonly string[];
  /** Generators the tenant is spread over; 0 is all. */
  readonly ringSize: number;
  /** 0 is the generator's own. */
  readonly slackMs: number;
  /** Of the queue in a distributor. */
  readonly forwarder: { readonly queueSize: number; readonly workers: number };
}

const DEFAULT_QUEUE_SIZE = 100;
const DEFAULT_QUEUE_WORKERS = 2;

export function toLimits(entry: Value<typeof tenantEntry>): Limits {
  const { ingestion, read, compaction, global, storage, metrics_generator: generator } = entry;
  return {
    ingestionRateBytes: ingestion.rate_limit_bytes,
    ingestionBurstBytes: ingestion.burst_size_bytes,
    maxLiveTraces: ingestion.max_traces_per_user,
    maxGlobalLiveTraces: ingestion.max_global_traces_per_user,
    tenantShardSize: ingestion.tenant_shard_size,
    maxAttributeBytes: ingestion.max_attribute_bytes,
    artificialDelayMs: ingestion.artificial_delay,
    retryInfoEnabled: ingestion.retry_info_enabled,
    maxBytesPerTrace: global.max_bytes_per_trace,
    maxBytesPerTagValuesQuery: read.max_bytes_per_tag_values_query,
    maxBlocksPerTagValuesQuery: read.max_blocks_per_tag_values_query,
    maxSearchDurationMs: read.max_search_duration,
    maxMetricsDurationMs: read.max_metrics_duration,
    blockRetentionMs: compaction.block_retention,
    compactionWindowMs: compaction.compaction_window,
    compactionDisabled: compaction.compaction_disabled,
    dedicatedColumns: storage.parquet_dedicated_columns,
    metricsGenerator: {
      processors: generator.processors,
      ringSize: generator.ring_size,
      slackMs: generator.ingestion_time_range_slack,
      forwarder: { queueSize: generator.forwarder.queue_size || DEFAULT_QUEUE_SIZE, workers: generator.forwarder.workers || DEFAULT_QUEUE_WORKERS },
    },
  };
}

/** The entries of the per-tenant file; `*` holds for tenants without one. */
export type TenantOverrides = ReadonlyMap<string, Limits>;

/** An entry replaces the defaults as a whole, as in Tempo: what it does not write is zero, not the default. */
export function resolveLimits(defaults: Limits, overrides: TenantOverrides, tenant: string): Limits {
  return overrides.get(tenant) ?? overrides.get('*') ?? defaults;
}
