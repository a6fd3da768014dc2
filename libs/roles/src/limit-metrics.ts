import type { MetricsRegistry } from '@vivace/base';
import type { Limits, TenantOverrides } from '@vivace/config';

export interface LimitMetrics {
  /** Shows the entries of the per-tenant file, and no others. */
  show(overrides: TenantOverrides): void;
}

/** Limits as metrics, under Tempo's names, for its dashboards. */
const SHOWN: readonly (readonly [name: string, of: (limits: Limits) => number])[] = [
  ['ingestion_rate_limit_bytes', (limits) => limits.ingestionRateBytes],
  ['ingestion_burst_size_bytes', (limits) => limits.ingestionBurstBytes],
  ['max_local_traces_per_user', (limits) => limits.maxLiveTraces],
  ['max_global_traces_per_user', (limits) => limits.maxGlobalLiveTraces],
  ['max_bytes_per_trace', (limits) => limits.maxBytesPerTrace],
];

export function createLimitMetrics(metrics: MetricsRegistry, defaults: Limits): LimitMetrics {
  const ofDefaults = metrics.gauge('tempo_limits_defaults', 'Limits of tenants without an entry in the per-tenant file.', ['limit_name']);
  const ofTenants = metrics.gauge('tempo_limits_overrides', 'Limits of tenants with an entry in the per-tenant file.', ['limit_name', 'user']);
  for (const [limit_name, of] of SHOWN) ofDefaults.with({ limit_name }).set(of(defaults));
  let users: readonly string[] = [];
  return {
    show(overrides) {
      for (const user of users) if (!overrides.has(user)) for (const [limit_name] of SHOWN) ofTenants.remove({ limit_name, user });
      users = [...overrides.keys()];
      for (const [user, limits] of overrides) for (const [limit_name, of] of SHOWN) ofTenants.with({ limit_name, user }).set(of(limits));
    },
  };
}
