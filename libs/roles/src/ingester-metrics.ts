import type { MetricsRegistry, TenantId } from '@vivace/base';
import type { Ingester, IngesterMetrics } from '@vivace/ingester';

const SIZES = [1, 4, 16, 64, 256, 1_024].map((mib) => mib * 1_048_576);
const SECONDS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120];

export function createIngesterMetrics(metrics: MetricsRegistry): IngesterMetrics {
  const bytes = metrics.counter('tempo_ingester_bytes_received_total', 'Bytes of OTLP received.', ['tenant', 'data_type']);
  const traces = metrics.counter('tempo_ingester_traces_created_total', 'Traces that got their first span here, or the first for a while.', ['tenant']);
  const truncated = metrics.counter('vivace_ingester_attributes_truncated_total', 'Attribute keys and values cut while folding.', ['tenant']);
  const parts = metrics.counter('vivace_ingester_parts_written_total', 'Parts written to local disk.', ['tenant']);
  const blocks = metrics.counter('tempo_ingester_blocks_flushed_total', 'Blocks put into the object store.');
  const failed = metrics.counter('tempo_ingester_failed_flushes_total', 'Parts or blocks that could not be written; they are tried again.');
  const sizes = metrics.histogram('tempo_ingester_flush_size_bytes', 'Size of blocks.', [], { buckets: SIZES });
  const seconds = metrics.histogram('tempo_ingester_flush_duration_seconds', 'Time to make a block and put it into the store.', [], { buckets: SECONDS });
  return {
    received(tenant, size, newTraces) {
      bytes.with({ tenant, data_type: 'trace' }).inc(size);
      if (newTraces > 0) traces.with({ tenant }).inc(newTraces);
    },
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

/** What an ingester holds in memory, as of each scrape. */
export function showMemory(ingester: Ingester, metrics: MetricsRegistry): void {
  const live = metrics.gauge('tempo_ingester_live_traces', 'Traces that took a span lately.', ['tenant']);
  const liveBytes = metrics.gauge('tempo_ingester_live_trace_bytes', 'Bytes of OTLP of traces that took a span lately.', ['tenant']);
  const memory = metrics.gauge('vivace_ingester_memory_bytes', 'Bytes of spans in memory that are not in a part yet.');
  let shown: TenantId[] = [];
  metrics.onCollect(() => {
    const now = new Set<TenantId>();
    for (const [tenant, traces, bytes] of ingester.liveTraces()) {
      now.add(tenant);
      live.with({ tenant }).set(traces);
      liveBytes.with({ tenant }).set(bytes);
    }
    for (const tenant of shown) if (!now.has(tenant)) for (const family of [live, liveBytes]) family.remove({ tenant });
    shown = [...now];
    memory.set(ingester.memoryBytes);
  });
}
