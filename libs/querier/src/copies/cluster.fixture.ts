// Ingesters that hold spans, or copies of them, blocks that they wrote, and a querier over them all, in one thread and without sockets.
import path from 'node:path';
import { AppError, createMemoryMetrics, silentLogger } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import { BlockCache, BlockWriter, sliceOrder } from '@vivace/block';
import type { BlockMeta } from '@vivace/block';
import { MemoryObjectStore } from '@vivace/object-store';
import type { ObjectStore } from '@vivace/object-store';
import { MemorySink } from '@vivace/parquet';
import { writePart } from '@vivace/part';
import type { QueryService } from '@vivace/query';
import { Ring } from '@vivace/ring';
import { decode, encode, localChannel } from '@vivace/rpc';
import { tableOf } from '@vivace/testkit';
import type { PlainTrace } from '@vivace/testkit';
import { orderByTrace } from '@vivace/trace';
import type { SpanTableHandle } from '@vivace/trace';
import type { JobSources } from '../jobs.ts';
import { QUERIER_SETTINGS } from '../querier-settings.fixture.ts';
import { createQuerier } from '../querier.ts';
import type { RecentSource } from '../querier.ts';
import { createQueryTasks } from '../query-tasks.ts';
import { createIngesterRunner, ingesterQueryMethod } from '../remote/ingester-query.ts';
import { anyTask, packJob, packResult, unpackJob, unpackResult } from '../remote/wire.ts';
import type { RunAny } from '../remote/wire.ts';
import type { TaskRunner } from '../task-runner.ts';

export const TENANT = 't' as TenantId;
const NOW = 1_700_000_000_000;

/** What an ingester holds. */
export interface Held {
  readonly tables: SpanTableHandle[];
  readonly parts: string[];
  /** Parts of blocks in the store. */
  readonly kept: { readonly blockId: string; readonly part: string }[];
}

export interface ClusterOptions {
  /** Where part files go. */
  readonly dir: string;
  /** Ingesters. One: they and the querier are a single process. */
  readonly size: number;
  readonly targetBytes: number;
  readonly nowMs?: number;
  /** Spans have copies. */
  readonly copies: boolean;
}

export class Cluster {
  readonly ingesters: readonly Held[];
  /** Known to the querier. */
  readonly blocks: BlockMeta[] = [];
  /** Ids of blocks that others took the place of, by the one that did. */
  readonly replaced = new Map<string, readonly string[]>();
  /** Blocks cannot be read. */
  isStoreAway = false;
  /** Fails the task at that ingester from now on. */
  broken: { readonly ingester: number; readonly task: string } | undefined;
  /** Called after each answer of an ingester. */
  afterAnswer: () => void = () => undefined;
  readonly querier: QueryService;
  readonly #store = new MemoryObjectStore();
  readonly #dir: string;
  #parts = 0;

  constructor({ dir, size, targetBytes, nowMs = NOW, copies }: ClusterOptions) {
    this.#dir = dir;
    this.ingesters = Array.from({ length: size }, () => ({ tables: [], parts: [], kept: [] }));
    const pool = this.#threads();
    const methods = this.ingesters.map((held, i) => ingesterQueryMethod({ recent: recentOf(held), runner: this.#threadsOf(i), logger: silentLogger }));
    const ring = new Ring({
      name: 'ingester',
      replicationFactor: copies ? 3 : 1,
      zoneAware: false,
      extendWrites: true,
      heartbeatTimeoutMs: 60_000,
      forgetAfterMs: 0,
      leftTimeoutMs: 0,
      clock: { now: () => NOW },
      logger: silentLogger,
    });
    this.ingesters.forEach((_, i) => {
      const tokens = Uint32Array.from({ length: 8 }, (__, k) => (k * 536_870_912 + i * 13_421_772 + 7) >>> 0);
      ring.put(`i${i}`, { state: 'ACTIVE', info: { address: String(i), zone: '', registeredMs: i, tokens } });
    });
    const runner = createIngesterRunner({
      view: () => ring.view(),
      channel: (address) => localChannel([methods[Number(address)]]),
      lookbackMs: 0,
      clock: { now: () => 0 },
      timeoutMs: 10_000,
      maxResultBytes: 10_000_000,
      local: pool,
      logger: silentLogger,
      metrics: createMemoryMetrics(),
    });
    this.querier = createQuerier({
      ...QUERIER_SETTINGS,
      recent: size === 1 ? recentOf(this.ingesters[0]) : { recent: () => ({ tables: [], parts: [], isElsewhere: true, release: () => undefined }) },
      blocks: {
        blocksInRange: () => [...this.blocks],
        coveredBlocks: () => this.#known(),
        withoutHeld: (_tenant, _startSec, _endSec, held) => ({
          blocks: this.blocks.filter(({ blockId }) => !this.#isIn(held, blockId)),
          covered: this.#known().filter((id) => !this.blocks.some(({ blockId }) => this.#isIn(held, blockId) && this.#withSources(blockId).includes(id))),
        }),
      },
      pool: size === 1 ? pool : remote(runner),
      copies,
      threads: 2,
      searchJobs: { maxPerQuery: 100, targetBytes },
      metricsJobs: { maxPerQuery: 100, targetBytes },
      clock: { now: () => nowMs },
      logger: silentLogger,
      metrics: createMemoryMetrics(),
    });
  }

  /** Whether ingesters still have all that is in the blocks. */
  get areBlocksHeld(): boolean {
    const held = new Set(this.ingesters.flatMap(({ kept }) => kept.map(({ blockId }) => blockId)));
    return this.blocks.every(({ blockId }) => this.#isIn(held, blockId));
  }

  #known(): string[] {
    return this.blocks.flatMap(({ blockId }) => this.#withSources(blockId));
  }

  #withSources(blockId: string): string[] {
    return [blockId, ...(this.replaced.get(blockId) ?? []).flatMap((id) => this.#withSources(id))];
  }

  #isIn(held: ReadonlySet<string>, blockId: string): boolean {
    const sources = this.replaced.get(blockId);
    return held.has(blockId) || (sources?.every((id) => this.#isIn(held, id)) ?? false);
  }

  writePart(traces: readonly PlainTrace[]): string {
    return writePart(tableOf(traces), { path: path.join(this.#dir, `${this.#parts++}.part`), tenant: TENANT, watermark: { segment: 0, offset: 0 } }).path;
  }

  async writeBlock(traces: readonly PlainTrace[], rowGroups: number): Promise<BlockMeta> {
    const table = tableOf(traces);
    const order = orderByTrace(table);
    const sink = new MemorySink();
    const blockId = `b${this.#parts++}`;
    const writer = new BlockWriter(sink, { blockId, tenantId: TENANT, dedicatedColumns: [] });
    const bound = (group: number): number => Math.floor((order.traceCount * group) / rowGroups);
    for (let g = 0; g < rowGroups; g++) if (bound(g) < bound(g + 1)) writer.writeRowGroup(table, sliceOrder(order, bound(g), bound(g + 1)));
    const { meta, blooms } = writer.finish();
    for (const [i, bloom] of blooms.entries()) await this.#store.put(`${TENANT}/${blockId}/bloom-${i}`, bloom);
    await this.#store.put(`${TENANT}/${blockId}/data.parquet`, sink.bytes());
    return meta;
  }

  #threads(): TaskRunner {
    const reading = <A extends unknown[], R>(read: (...args: A) => Promise<R>) => ({
      value: async (...args: A): Promise<R> => {
        if (this.isStoreAway) throw new AppError('unavailable', 'no bucket', { reason: 'store_away' });
        return read(...args);
      },
    });
    const store: ObjectStore = Object.create(this.#store, {
      get: reading((...args: Parameters<ObjectStore['get']>) => this.#store.get(...args)),
      getRange: reading((...args: Parameters<ObjectStore['getRange']>) => this.#store.getRange(...args)),
    });
    const tasks = createQueryTasks({ store, cache: new BlockCache(), maxOpenBlocks: 8 }) as unknown as Record<
      string,
      (job: { sources: JobSources }, context: { signal: AbortSignal }) => Promise<unknown>
    >;
    return {
      run: (async (task: string, job: { sources: JobSources }, { signal = new AbortController().signal }: { signal?: AbortSignal } = {}) =>
        tasks[task](job, { signal })) as never,
    };
  }

  #threadsOf(ingester: number): TaskRunner {
    const threads = this.#threads().run as (task: string, job: object, options: object) => Promise<unknown>;
    return {
      run: (async (task: string, job: object, options: object) => {
        if (this.broken?.ingester === ingester && this.broken.task === task) throw new AppError('unavailable', 'disk on fire');
        const result = await threads(task, job, options);
        this.afterAnswer();
        return result;
      }) as never,
    };
  }
}

/** Jobs and results as they travel. */
function remote(runner: TaskRunner): TaskRunner {
  const run: RunAny = async (task, job, options) => {
    const result = await anyTask(runner)(task, unpackJob(decode(encode(packJob(job)))), options);
    return unpackResult(task, decode(encode(packResult(task, result))));
  };
  return { run: run as TaskRunner['run'] };
}

function recentOf(held: Held): RecentSource {
  return {
    recent: (_tenant, covered = []) => ({
      tables: [...held.tables],
      parts: [...held.kept.filter(({ blockId }) => !covered.includes(blockId)).map(({ part }) => part), ...held.parts],
      release: () => undefined,
    }),
    held: () => held.kept.map(({ blockId }) => blockId),
  };
}
