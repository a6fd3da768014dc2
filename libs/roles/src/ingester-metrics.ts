import type { MetricsRegistry } from '@vivace/base';
import type { IngesterMetrics } from '@vivace/ingester';

const SIZES = [1, 4, 16, 64, 256, 1_024].map((mib) => mib * 1_048_576);
const SECONDS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120];

export function createIngesterMetrics(metrics: MetricsRegistry): IngesterMetrics {
  const truncated = metrics.counter('vivace_ingester_attributes_truncated_total', 'Attribute keys and values cut while folding.', ['tenant']);
  const parts = metrics.counter('vivace_ingester_parts_written_total', 'Parts written to local disk.', ['tenant']);
  const blocks = metrics.counter('tempo_ingester_blocks_flushed_total', 'Blocks put into the object store.');
  const failed = metrics.counter('tempo_ingester_failed_flushes_total', 'Parts or blocks that could not be written; they are tried again.');
  const sizes = metrics.histogram('tempo_ingester_flush_size_bytes', 'Size of blocks.', [], { buckets: SIZES });
  const seconds = metrics.histogram('tempo_ingester_flush_duration_seconds', 'Time to make a block and put it into the store.', [], { buckets: SECONDS });
  return {
    attributesTruncated: (tenant, n) => truncated.with({ tenant }).inc(n),
    partWritten: (tenant) => parts.with({ tenant }).inc(),
    blockFlushed(_tenant, sizeBytes, took) {
      blocks.inc();
      sizes.observe(sizeBytes);
      seconds.observe(took);
    },
    failed: () => failed.inc(),
  };
}
