import { randomUUID } from 'node:crypto';
import { AppError } from '@vivace/base';
import type { BlockId, Clock, Logger, MetricsRegistry, TenantId } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import type { ObjectStore } from '@vivace/object-store';
import { createCompactorMetrics } from './compactor-metrics.ts';
import { deleteBlock, isHeld, markCompacted } from './block-marks.ts';
import type { MergeBlocksJob, MergeBlocksResult } from './merge-blocks.ts';
import type { StagingFolder } from './staging.ts';
import { selectJobs } from './select-jobs.ts';
import type { CompactionJob } from './select-jobs.ts';

export interface CompactorConfig {
  /** `compactor.disabled` */
  readonly disabled: boolean;
  readonly windowMs: number;
  readonly maxTraces: number;
  readonly maxBlockBytes: number;
  readonly retentionMs: number;
  readonly compactedRetentionMs: number;
  /** Tenants looked after at once by retention. */
  readonly retentionConcurrency: number;
  readonly maxTimePerTenantMs: number;
  readonly cycleMs: number;
  readonly bloomFalsePositive: number;
  readonly bloomShardBytes: number;
  readonly rowGroupSpans: number;
}

/** Limits of a tenant; 0 leaves it to the configuration. */
export interface TenantCompaction {
  readonly disabled: boolean;
  readonly windowMs: number;
  readonly retentionMs: number;
  /** 0: no limit. */
  readonly maxBytesPerTrace: number;
}

/** The block list, as far as compaction needs it. */
export interface Blocks {
  tenants(): readonly TenantId[];
  blocksOf(tenant: TenantId): {
    readonly live: ReadonlyMap<string, BlockMeta>;
    readonly compacted: ReadonlyMap<string, { readonly meta: BlockMeta; readonly compactedMs: number }>;
  };
  announce(meta: BlockMeta): void;
  forget(tenant: TenantId, blockId: string): void;
}

export interface CompactorDeps {
  readonly config: CompactorConfig;
  readonly store: ObjectStore;
  readonly blocks: Blocks;
  readonly staging: StagingFolder;
  /** Merges in a worker thread. */
  readonly merge: (job: MergeBlocksJob, signal: AbortSignal) => Promise<MergeBlocksResult>;
  /** Whether this process owns a job or a block in the ring now. */
  readonly owns: (key: string) => boolean;
  readonly limits: (tenant: TenantId) => TenantCompaction;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** Merges small blocks into large ones, and deletes what is too old. Any number may run: each job and block has one owner in the ring. */
export interface Compactor {
  start(): Promise<void>;
  /** Ends a job that is under way; its inputs stay. */
  stop(): Promise<void>;
  /** One tenant's jobs, as far as they are owned and time allows; how many were done. */
  compactTenant(tenant: TenantId): Promise<number>;
  /** Marks and deletes what is too old, of all tenants. */
  applyRetention(): Promise<void>;
}

export function createCompactor(deps: CompactorDeps): Compactor {
  return new RingCompactor(deps);
}

/** How often the ownership of a job is asked for while it runs. */
const OWNER_CHECK_MS = 1_000;
/** How long a block that cannot be read is left out: others need not wait for it, nor be read again and again. */
const LEFT_OUT_MS = 3_600_000;

class RingCompactor implements Compactor {
  readonly #deps: CompactorDeps;
  readonly #metrics: ReturnType<typeof createCompactorMetrics>;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #turn = 0;
  /** Blocks that could not be read, and until when they are left out. */
  readonly #leftOutUntilMs = new Map<string, number>();

  constructor(deps: CompactorDeps) {
    this.#deps = deps;
    this.#metrics = createCompactorMetrics(deps.metrics);
  }

  async start(): Promise<void> {
    await this.#deps.staging.recover(this.#deps.store);
    if (!this.#deps.config.disabled) this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  async compactTenant(tenant: TenantId): Promise<number> {
    const { config, clock, limits, blocks } = this.#deps;
    const limit = limits(tenant);
    await this.#finishMarks(tenant);
    if (limit.disabled) return 0;
    const nowMs = clock.now();
    const retentionMs = limit.retentionMs || config.retentionMs;
    const candidates = [...blocks.blocksOf(tenant).live.values()].filter(
      (meta) => (retentionMs === 0 || meta.endMs >= nowMs - retentionMs) && !this.#isLeftOut(meta.blockId, nowMs),
    );
    const jobs = selectJobs(tenant, candidates, {
      windowMs: limit.windowMs || config.windowMs,
      maxTraces: config.maxTraces,
      maxBytes: config.maxBlockBytes,
      nowMs,
    });
    this.#observeBacklog(tenant, jobs, nowMs);
    let done = 0;
    for (const job of jobs) {
      if (this.#stopping.signal.aborted || clock.now() - nowMs > config.maxTimePerTenantMs) break;
      if (!this.#deps.owns(job.key) || (await this.#hasHeld(tenant, job))) continue;
      if (await this.#compact(tenant, job)) done++;
    }
    return done;
  }

  async applyRetention(): Promise<void> {
    const { blocks, metrics: _, config, clock } = this.#deps;
    const fromMs = clock.now();
    const tenants = [...blocks.tenants()];
    const lane = async (): Promise<void> => {
      for (let tenant = tenants.pop(); tenant !== undefined; tenant = tenants.pop()) await this.#retainTenant(tenant);
    };
    await Promise.all(Array.from({ length: Math.max(1, config.retentionConcurrency) }, lane));
    this.#metrics.retentionSeconds.observe((clock.now() - fromMs) / 1_000);
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#cycle().finally(() => {
        if (!this.#stopping.signal.aborted) this.#schedule();
      });
    }, this.#deps.config.cycleMs);
    this.#timer.unref();
  }

  /** A cycle is one tenant, in turn, so that a large one does not keep the others waiting. */
  async #cycle(): Promise<void> {
    const { blocks, logger } = this.#deps;
    try {
      await this.applyRetention();
      const tenants = [...blocks.tenants()].sort();
      if (tenants.length > 0) await this.compactTenant(tenants[this.#turn++ % tenants.length]);
    } catch (reason) {
      this.#metrics.errors.inc();
      logger.error('compaction cycle failed', { err: reason });
    }
  }

  /** What a crash left between a block and the marks on its inputs. */
  async #finishMarks(tenant: TenantId): Promise<void> {
    const { blocks, owns, store, logger } = this.#deps;
    const { live } = blocks.blocksOf(tenant);
    for (const meta of [...live.values()]) {
      for (const id of meta.compactedFrom) {
        if (!live.has(id) || !owns(id)) continue;
        logger.info('block was merged already, marking it', { tenant, block: id, into: meta.blockId });
        await markCompacted(store, tenant, id);
        blocks.forget(tenant, id);
      }
    }
  }

  async #hasHeld(tenant: TenantId, job: CompactionJob): Promise<boolean> {
    for (const meta of job.inputs) if (await isHeld(this.#deps.store, tenant, meta.blockId)) return true;
    return false;
  }

  async #compact(tenant: TenantId, { key, inputs }: CompactionJob): Promise<boolean> {
    const { config, store, blocks, staging, logger, clock, limits, owns } = this.#deps;
    const blockId = randomUUID() as BlockId;
    const lost = new AbortController();
    const watch = setInterval(() => {
      if (!owns(key)) lost.abort(new AppError('aborted', `compaction job ${key} has another owner now`));
    }, OWNER_CHECK_MS);
    watch.unref();
    const signal = AbortSignal.any([this.#stopping.signal, lost.signal]);
    const fromMs = clock.now();
    const level = String(Math.max(...inputs.map((meta) => meta.compactionLevel)));
    const folder = await staging.begin(tenant, blockId);
    try {
      const result = await this.#deps.merge(
        {
          tenant,
          blockId,
          inputs,
          dir: folder.dir,
          bloomFalsePositive: config.bloomFalsePositive,
          bloomShardBytes: config.bloomShardBytes,
          rowGroupSpans: config.rowGroupSpans,
          maxBytesPerTrace: limits(tenant).maxBytesPerTrace,
        },
        signal,
      );
      for (const name of result.files) {
        signal.throwIfAborted();
        await store.putFile(`${tenant}/${blockId}/${name}`, folder.file(name), signal);
      }
      // From here on the inputs are dead: whoever lists the block knows by its meta that it takes their place.
      blocks.announce(result.meta);
      for (const meta of inputs) {
        await markCompacted(store, tenant, meta.blockId);
        blocks.forget(tenant, meta.blockId);
      }
      this.#observe(tenant, level, result, clock.now() - fromMs, inputs);
      return true;
    } catch (reason) {
      if (this.#stopping.signal.aborted) return false;
      this.#metrics.errors.inc();
      const leftOut = this.#leaveOut(inputs, AppError.from(reason));
      logger.error('blocks could not be merged, they stay as they are', { tenant, inputs: inputs.map((meta) => meta.blockId), leftOut, err: reason });
      return false;
    } finally {
      clearInterval(watch);
      await folder.end(store);
    }
  }

  #isLeftOut(blockId: string, nowMs: number): boolean {
    const untilMs = this.#leftOutUntilMs.get(blockId);
    if (untilMs === undefined || untilMs > nowMs) return untilMs !== undefined;
    this.#leftOutUntilMs.delete(blockId);
    return false;
  }

  /** The inputs that are damaged: errors of damage name the object. */
  #leaveOut(inputs: readonly BlockMeta[], { code, message }: AppError): readonly string[] {
    if (code !== 'data_loss') return [];
    const damaged = inputs.map((meta) => meta.blockId).filter((id) => message.includes(id));
    for (const id of damaged) this.#leftOutUntilMs.set(id, this.#deps.clock.now() + LEFT_OUT_MS);
    return damaged;
  }

  #observe(tenant: TenantId, level: string, result: MergeBlocksResult, tookMs: number, inputs: readonly BlockMeta[]): void {
    const { logger } = this.#deps;
    const { meta, spans, combinedTraces, duplicateSpans, cutTraces } = result;
    this.#metrics.compacted(tenant, level, result, inputs.length);
    logger.info('blocks merged', {
      tenant,
      block: meta.blockId,
      inputs: inputs.map((input) => input.blockId),
      compactionLevel: meta.compactionLevel,
      traces: meta.totalObjects,
      spans,
      combinedTraces,
      duplicateSpans,
      bytes: meta.size,
      tookMs: Math.round(tookMs),
    });
    for (const { traceId, keptSpans, droppedSpans } of cutTraces) {
      logger.warn('trace is larger than max_bytes_per_trace and was cut when its blocks were merged', { tenant, traceId, keptSpans, droppedSpans });
    }
  }

  async #retainTenant(tenant: TenantId): Promise<void> {
    const { blocks, store, owns, clock, config, limits, logger } = this.#deps;
    const retentionMs = limits(tenant).retentionMs || config.retentionMs;
    const { live, compacted } = blocks.blocksOf(tenant);
    const nowMs = clock.now();
    try {
      for (const meta of [...live.values()]) {
        if (retentionMs === 0 || meta.endMs >= nowMs - retentionMs || !owns(meta.blockId) || this.#stopping.signal.aborted) continue;
        await markCompacted(store, tenant, meta.blockId);
        blocks.forget(tenant, meta.blockId);
        this.#metrics.marked.inc();
      }
      for (const { meta, compactedMs } of [...compacted.values()]) {
        if (compactedMs >= nowMs - config.compactedRetentionMs || !owns(meta.blockId) || this.#stopping.signal.aborted) continue;
        await deleteBlock(store, tenant, meta.blockId);
        this.#metrics.deleted.inc();
      }
    } catch (reason) {
      this.#metrics.retentionErrors.inc();
      logger.error('retention failed, will be tried again', { tenant, err: reason });
    }
  }

  /** How far behind: blocks that wait to be merged, and since when the oldest does. */
  #observeBacklog(tenant: TenantId, jobs: readonly CompactionJob[], nowMs: number): void {
    const own = jobs.filter((job) => this.#deps.owns(job.key));
    const waiting = own.flatMap((job) => job.inputs);
    const oldest = own.reduce((least, { inputs }) => Math.min(least, inputs[inputs.length - 1].endMs), nowMs);
    this.#metrics.backlog(tenant, waiting.length, (nowMs - oldest) / 1_000);
  }
}
