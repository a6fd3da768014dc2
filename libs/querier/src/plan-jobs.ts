import type { TenantId } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import type { TimeRange } from '@vivace/query';
import type { RunOptions } from '@vivace/workers';
import { ID_BYTES } from './copies/id-range.ts';
import { divideBlocks, hashOf, noSources, shareBlocks, wholeSlices } from './jobs.ts';
import type { BlockJob, JobSources } from './jobs.ts';
import type { RecentSource } from './querier.ts';

/** What there is of one tenant. */
export interface TenantData {
  readonly tenant: TenantId;
  readonly recent: ReturnType<RecentSource['recent']>;
  readonly blocks: readonly BlockMeta[];
  /** With those in which more of the same traces may lie, where that matters. */
  readonly around: readonly BlockMeta[];
  /** Of blocks whose spans are in `blocks`, or not in question. */
  readonly covered: readonly string[];
  /** What there is by now of another range. */
  stored(startSec: number, endSec: number): Pick<TenantData, 'blocks' | 'covered'>;
}

export interface Job {
  readonly affinity: number;
  readonly sources: JobSources;
}

/** Runs a part of a query when its turn comes. */
export type RunPart = <T>(work: (options: Pick<RunOptions, 'signal'>) => Promise<T>) => Promise<T>;

export interface Division {
  readonly targetBytes: number;
  readonly threads: number;
}

/** Of one job: put together they should not take too much memory. */
const UNITED_TRACES = 2_000;

/** Each job has some places, and leaves out the traces `spread`. Recent data is one job: it cannot be divided, since a trace may lie in several of its places. */
export function separateJobs(
  data: readonly TenantData[],
  spread: ReadonlyMap<TenantId, Uint8Array>,
  { targetBytes, threads }: Division,
  divide = (blocks: readonly BlockMeta[]): BlockJob[] => divideBlocks(blocks, targetBytes, threads),
): Job[] {
  const without = (tenant: TenantId): Pick<JobSources, 'without'> => {
    const ids = spread.get(tenant);
    return ids ? { without: ids } : {};
  };
  const stored = data.flatMap(({ tenant, blocks }) =>
    divide(blocks).map(({ affinity, blocks }) => ({ affinity, sources: { ...noSources(tenant), blocks, ...without(tenant) } })),
  );
  const recent = data.filter(hasRecent).map((one) => ({
    affinity: hashOf(one.tenant),
    sources: { ...recentSources(one), blocks: [], ...without(one.tenant) },
  }));
  // Recent data first: it takes longest.
  return [...recent, ...stored];
}

/** Each job has all places and some of the traces `spread`. */
export function unitedJobs(data: readonly TenantData[], spread: ReadonlyMap<TenantId, Uint8Array>): Job[] {
  return data.flatMap((one) => {
    const ids = spread.get(one.tenant) ?? new Uint8Array(0);
    const blocks = wholeSlices(one.around);
    return Array.from({ length: Math.ceil(ids.length / ID_BYTES / UNITED_TRACES) }, (_, i) => ({
      affinity: hashOf(one.tenant) + (hasRecent(one) ? 0 : i),
      sources: {
        ...recentSources(one),
        blocks,
        united: ids.slice(i * UNITED_TRACES * ID_BYTES, (i + 1) * UNITED_TRACES * ID_BYTES),
      },
    }));
  });
}

/** Every job has all places and a share of the trace ids, so that the copies of a trace meet in one. */
export function sharedJobs(data: readonly TenantData[], { targetBytes, threads }: Division, longAgo: TimeRange | undefined): Job[] {
  return data
    .filter((one) => hasRecent(one) || one.around.length > 0)
    .flatMap((one) => {
      const common = { ...recentSources(one), blocks: wholeSlices(one.around), ...(longAgo && { longAgo }) };
      return shareBlocks(one.around, targetBytes, threads).map(({ affinity, share }) => ({ affinity, sources: { ...common, share } }));
    });
}

/** Tempo can store spans a second time, in blocks of replication factor 1 (`flush_to_storage` of its local-blocks processor). */
export function haveTwins({ around }: TenantData): boolean {
  return around.some((meta) => (meta.replicationFactor === 1) !== (around[0].replicationFactor === 1));
}

export function hasRecent({ recent: { tables, parts, isElsewhere = false } }: TenantData): boolean {
  return tables.length + parts.length > 0 || isElsewhere;
}

/** The sources of a job that has all recent data. */
export function recentSources({ tenant, covered, recent: { tables, parts, isElsewhere = false } }: TenantData): Omit<JobSources, 'blocks'> {
  return { tenant, tables, parts, ...(isElsewhere && { isElsewhere, covered }) };
}
