import type { MetricsRegistry, TenantId } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import type { CompactedBlock } from './tenant-index.ts';

export function createBlockListMetrics(metrics: MetricsRegistry) {
  const length = metrics.gauge('tempodb_blocklist_length', 'Blocks of the tenant that are not compacted.', ['tenant']);
  const objects = metrics.gauge('tempodb_backend_objects_total', 'Traces in the blocks of the tenant.', ['tenant', 'status']);
  const bytes = metrics.gauge('tempodb_backend_bytes_total', 'Bytes of the blocks of the tenant.', ['tenant', 'status']);
  return {
    errors: metrics.counter('tempodb_blocklist_poll_errors_total', 'Times that a tenant could not be polled, or the meta of one of its blocks not be read.', [
      'tenant',
    ]),
    indexErrors: metrics.counter('tempodb_blocklist_tenant_index_errors_total', 'Times that the index of a tenant could not be read or written.', ['tenant']),
    builder: metrics.gauge('tempodb_blocklist_tenant_index_builder', 'Whether this process writes the index of the tenant.', ['tenant']),
    age: metrics.gauge('tempodb_blocklist_tenant_index_age_seconds', 'Age of the index last read.', ['tenant']),
    seconds: metrics.histogram('tempodb_blocklist_poll_duration_seconds', 'Time of one poll of all tenants.', [], {
      buckets: [0.01, 0.1, 1, 5, 15, 60, 240],
    }),
    blocks(tenant: TenantId, live: ReadonlyMap<string, BlockMeta>, compacted: ReadonlyMap<string, CompactedBlock>): void {
      const sum = (of: (meta: BlockMeta) => number, metas: Iterable<BlockMeta>): number => {
        let total = 0;
        for (const meta of metas) total += of(meta);
        return total;
      };
      const dead = [...compacted.values()].map((block) => block.meta);
      length.with({ tenant }).set(live.size);
      objects.with({ tenant, status: 'live' }).set(sum((m) => m.totalObjects, live.values()));
      objects.with({ tenant, status: 'compacted' }).set(sum((m) => m.totalObjects, dead));
      bytes.with({ tenant, status: 'live' }).set(sum((m) => m.size, live.values()));
      bytes.with({ tenant, status: 'compacted' }).set(sum((m) => m.size, dead));
    },
  };
}
