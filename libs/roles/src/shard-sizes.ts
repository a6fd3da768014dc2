import { ShardSizes } from '@vivace/ring';
import type { Overrides } from './overrides.ts';
import type { Runtime } from './runtime.ts';

/** `ingestion.tenant_shard_size` of everybody, with its past as far as `lookbackMs`. */
export function createShardSizes({ config, clock }: Runtime, overrides: Overrides, lookbackMs: number): ShardSizes {
  const sizes = new ShardSizes({ delayMs: config.cluster.shards.delayMs, lookbackMs, clock });
  const others: [string, number] = ['*', config.overrides.defaults.tenantShardSize];
  overrides.onRead((tenants) => sizes.update(new Map([others, ...[...tenants].map(([tenant, limits]): [string, number] => [tenant, limits.tenantShardSize])])));
  return sizes;
}
