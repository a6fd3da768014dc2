import { openBlock } from '@vivace/block';
import type { BlockCache, BlockReader } from '@vivace/block';
import type { ObjectStore } from '@vivace/object-store';
import { metricsBatches, planMetrics, planSearch, searchBatches, tagNames, tagValues } from '@vivace/query';
import type { TaskContext } from '@vivace/workers';
import { copyTasks } from './copies/copy-tasks.ts';
import { findTrace } from './find-trace.ts';
import type { FindTraceJob, HeldIdsJob, HeldJob, MetricsJob, SearchJob, SpreadJob, TagsJob, TagValuesJob } from './jobs.ts';
import { withBatches } from './open-sources.ts';
import type { BlockReaders } from './open-sources.ts';
import { findSpread, heldIds } from './spread/find-spread.ts';

export interface QueryTasksDeps {
  readonly store: ObjectStore;
  readonly cache: BlockCache;
  /** Readers kept (`querier.block_cache.max_open_blocks`). */
  readonly maxOpenBlocks: number;
  /** Called now and then while a query runs and after it: the time to collect garbage. */
  readonly betweenWork?: (() => void) | undefined;
}

export type QueryTasks = ReturnType<typeof createQueryTasks>;

const SECOND_NS = 1_000_000_000n;

/** The querier's tasks for a worker script. Each thread keeps its own readers and cache. */
export function createQueryTasks(deps: QueryTasksDeps) {
  const readers = keepReaders(deps);
  return {
    search: ({ sources, request, floor, maxGroups }: SearchJob, { signal }: TaskContext) => {
      const plan = planSearch(request.query, { legacy: request.legacy, maxGroups });
      const { range, limit, spansPerSpanSet } = request;
      return withBatches(sources, readers, signal, (batches) =>
        searchBatches(plan, batches, {
          limit,
          spansPerSpanSet,
          floor,
          ...(sources.without && { without: sources.without }),
          ...(range && { startNs: BigInt(range.startSec) * SECOND_NS, endNs: BigInt(range.endSec) * SECOND_NS }),
          signal,
        }),
      );
    },
    metrics: ({ sources, request, mode, maxSeries }: MetricsJob, { signal }: TaskContext) => {
      const plan = planMetrics(request, mode);
      return withBatches(sources, readers, signal, (batches) =>
        metricsBatches(plan, batches, { maxSeries, ...(sources.without && { without: sources.without }), signal }),
      );
    },
    tags: ({ sources, request }: TagsJob, { signal }: TaskContext) =>
      withBatches(sources, readers, signal, (batches) => tagNames(batches, request, { signal })),
    tagValues: ({ sources, request }: TagValuesJob, { signal }: TaskContext) =>
      withBatches(sources, readers, signal, (batches) => tagValues(batches, request, { signal })),
    findTrace: (job: FindTraceJob, { signal }: TaskContext) => findTrace(job, readers, signal),
    // Ingesters know that without a thread: see `ingesterQueryMethod`.
    held: (_: HeldJob): readonly string[] => [],
    spread: (job: SpreadJob, { signal }: TaskContext) => findSpread(job, readers, signal),
    heldIds: (job: HeldIdsJob) => heldIds(job, readers),
    ...copyTasks(readers),
  };
}

/** Readers by block, least recently used ones dropped; what they cached is bounded by the shared cache. */
function keepReaders(deps: QueryTasksDeps): BlockReaders {
  const open = new Map<string, Promise<BlockReader>>();
  return {
    parts: deps.cache.columns,
    betweenWork: deps.betweenWork,
    open({ tenant }, { meta }) {
      const key = `${tenant}/${meta.blockId}`;
      let reader = open.get(key);
      open.delete(key);
      if (!reader) {
        reader = openBlock({ store: deps.store, tenant, meta, cache: deps.cache, beforeRead: deps.betweenWork });
        reader.catch(() => open.delete(key));
        if (open.size >= deps.maxOpenBlocks) open.delete(open.keys().next().value as string);
      }
      open.set(key, reader);
      return reader;
    },
  };
}
