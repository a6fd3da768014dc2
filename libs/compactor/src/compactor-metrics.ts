import type { MetricsRegistry, TenantId } from '@vivace/base';
import type { MergeBlocksResult } from './merge-blocks.ts';

export function createCompactorMetrics(metrics: MetricsRegistry) {
  const blocks = metrics.counter('tempodb_compaction_blocks_total', 'Blocks merged.', ['level']);
  const bytes = metrics.counter('tempodb_compaction_bytes_written_total', 'Bytes of merged blocks.', ['level']);
  const written = metrics.counter('tempodb_compaction_objects_written_total', 'Traces of merged blocks.', ['level']);
  const combined = metrics.counter('tempodb_compaction_objects_combined_total', 'Traces put together from several blocks.', ['level']);
  const duplicates = metrics.counter('tempodb_compaction_spans_combined_total', 'Copies of spans left out.', ['replication_factor']);
  const outstanding = metrics.gauge('tempodb_compaction_outstanding_blocks', 'Blocks that wait to be merged by this process.', ['tenant']);
  const lag = metrics.gauge('vivace_compaction_lag_seconds', 'Since when the oldest blocks that this process owns wait to be merged.', ['tenant']);
  const discarded = metrics.counter('tempo_discarded_spans_total', 'Spans that were not kept, by reason.', ['reason', 'tenant']);
  return {
    errors: metrics.counter('tempodb_compaction_errors_total', 'Merges that failed.'),
    marked: metrics.counter('tempodb_retention_marked_for_deletion_total', 'Blocks older than the retention.'),
    deleted: metrics.counter('tempodb_retention_deleted_total', 'Blocks deleted.'),
    retentionErrors: metrics.counter('tempodb_retention_errors_total', 'Tenants whose retention failed.'),
    retentionSeconds: metrics.histogram('tempodb_retention_duration_seconds', 'Time of one pass over all tenants.', [], {
      buckets: [0.01, 0.1, 1, 10, 60, 300],
    }),
    backlog(tenant: TenantId, waiting: number, lagSeconds: number): void {
      outstanding.with({ tenant }).set(waiting);
      lag.with({ tenant }).set(lagSeconds);
    },
    compacted(tenant: TenantId, level: string, result: MergeBlocksResult, inputs: number): void {
      const { meta } = result;
      blocks.with({ level }).inc(inputs);
      bytes.with({ level }).inc(meta.size);
      written.with({ level }).inc(meta.totalObjects);
      combined.with({ level }).inc(result.combinedTraces);
      duplicates.with({ replication_factor: String(meta.replicationFactor) }).inc(result.duplicateSpans);
      const dropped = result.cutTraces.reduce((sum, cut) => sum + cut.droppedSpans, 0);
      if (dropped > 0) discarded.with({ reason: 'trace_too_large_to_compact', tenant }).inc(dropped);
    },
  };
}
