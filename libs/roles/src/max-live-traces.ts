import type { Limits } from '@vivace/config';

/** Who has the live traces of a tenant. */
export interface TraceOwners {
  /** That can be written to now; 0 is not known yet. */
  readonly ingesters: number;
  /** Of each trace. */
  readonly copies: number;
}

/** What one ingester may have: the lesser of the limit of each, and its share of the limit of all. 0 is no limit. */
export function maxLiveTraces(
  { maxLiveTraces: local, maxGlobalLiveTraces: all }: Pick<Limits, 'maxLiveTraces' | 'maxGlobalLiveTraces'>,
  owners: () => TraceOwners,
): number {
  if (all === 0) return local;
  const { ingesters, copies } = owners();
  if (ingesters === 0) return local;
  const share = Math.max(1, Math.floor((all * Math.min(copies, ingesters)) / ingesters));
  return local === 0 ? share : Math.min(local, share);
}
