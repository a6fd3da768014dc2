import type { Counter, Family, MetricsRegistry } from '@vivace/base';

export interface LogMetrics {
  readonly frames: Counter;
  readonly bytes: Counter;
  readonly syncs: Counter;
  readonly failures: Family<'operation', Counter>;
}

export function createLogMetrics(registry: MetricsRegistry, pendingBytes: () => number): LogMetrics {
  const pending = registry.gauge('vivace_wal_pending_bytes', 'Bytes waiting to be written to the log.');
  registry.onCollect(() => pending.set(pendingBytes()));
  return {
    frames: registry.counter('vivace_wal_frames_total', 'Frames written to the log.'),
    bytes: registry.counter('vivace_wal_written_bytes_total', 'Bytes of frames written to the log.'),
    syncs: registry.counter('vivace_wal_syncs_total', 'Times the log was made durable.'),
    failures: registry.counter('vivace_wal_failures_total', 'Failed operations on the log: write, sync or delete.', ['operation']),
  };
}
