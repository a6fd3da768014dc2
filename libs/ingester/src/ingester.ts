import { AppError, SINGLE_TENANT } from '@vivace/base';
import type { Clock, Logger, TenantId } from '@vivace/base';
import type { ScanResult } from '@vivace/otlp';
import type { Log } from '@vivace/wal';
import type { HeavyWork, IngesterConfig, IngesterMetrics, TenantLimits } from './ports.ts';
import type { RecoveredTenant } from './recover.ts';
import { SegmentPins } from './segment-pins.ts';
import { TablePool } from './table-pool.ts';
import { TenantIngester } from './tenant-ingester.ts';
import type { RecentData, Refusals } from './tenant-ingester.ts';

/** Kind of a log frame that holds an ExportTraceServiceRequest. Persisted: docs/format/wal.md. */
const FRAME_OTLP = 1;

export interface IngesterDeps {
  readonly config: IngesterConfig;
  readonly log: Log;
  readonly work: HeavyWork;
  readonly limits: (tenant: TenantId) => TenantLimits;
  /** What `recoverParts` found. */
  readonly recovered: ReadonlyMap<TenantId, RecoveredTenant>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: IngesterMetrics;
}

export interface Ingester {
  /** Reads the log that earlier runs left, then takes pushes and cuts. */
  start(signal?: AbortSignal): Promise<void>;
  /**
   * Resolves when the spans are as durable as `wal.sync` promises, and searchable. `scan` is of `bytes`; spans it refuses are dropped.
   * Rejects `resource_exhausted`/`unavailable` when nothing was kept. Borrows both until then.
   */
  push(tenant: TenantId, bytes: Uint8Array, scan: ScanResult): Promise<Refusals>;
  /** Head and parts of a tenant at this moment, without the parts of the blocks `covered`, which the caller asks itself. Throws `unavailable` before it is started: a part of it would look like the whole. */
  recent(tenant: TenantId, covered?: readonly string[]): RecentData;
  /** Blocks in the store whose spans `recent` still has, and will have for `forMs`. Throws as `recent` does. */
  held(tenant: TenantId, forMs: number): readonly string[];
  /** Cuts and completes everything received before the call, for one tenant or all. */
  flush(tenant?: TenantId): Promise<void>;
  /** Flushes as far as the signal allows, then closes the log. What is not in a block stays in parts or in the log. */
  stop(signal?: AbortSignal): Promise<void>;
  /** Tenants with data here. */
  tenants(): TenantId[];
  /** Traces that took a span lately, by tenant, with their OTLP bytes. */
  liveTraces(): Iterable<readonly [tenant: TenantId, traces: number, bytes: number]>;
  readonly memoryBytes: number;
}

export function createIngester(deps: IngesterDeps): Ingester {
  return new LoggedIngester(deps);
}

const NOTHING: RecentData = { tables: [], parts: [], release: () => undefined };
const REPLAYING = 'ingester is replaying its log';
const RETRY_AFTER_MS = 1_000;
const ORIGIN = { segment: -1, offset: -1 };
const IDLE_TENANT_CHECKS = 60;
/** A table is cut when it has reached its bound: the last request may go beyond. */
const SPANS_BEYOND = 4_096;
const TABLES_KEPT = 3;

class LoggedIngester implements Ingester {
  readonly #deps: IngesterDeps;
  readonly #pins = new SegmentPins();
  readonly #tables: TablePool;
  readonly #tenants = new Map<TenantId, TenantIngester>();
  /** Consecutive checks at which a tenant had no data. */
  readonly #idleChecks = new Map<TenantId, number>();
  #flushTimer: NodeJS.Timeout | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #releasing: Promise<void> = Promise.resolve();
  #state: 'starting' | 'running' | 'stopped' = 'starting';

  constructor(deps: IngesterDeps) {
    this.#deps = deps;
    this.#tables = new TablePool(deps.config.maxHeadSpans + SPANS_BEYOND, TABLES_KEPT);
    for (const tenant of deps.recovered.keys()) this.#tenant(tenant);
  }

  async start(signal?: AbortSignal): Promise<void> {
    await this.#replay(signal);
    this.#state = 'running';
    const { flushCheckPeriodMs, traceIdlePeriodMs } = this.#deps.config;
    this.#flushTimer = setInterval(() => this.#check(), flushCheckPeriodMs);
    this.#idleTimer = setInterval(() => {
      for (const tenant of this.#tenants.values()) tenant.live.rotate();
    }, traceIdlePeriodMs);
  }

  async push(tenant: TenantId, bytes: Uint8Array, scan: ScanResult): Promise<Refusals> {
    if (this.#state !== 'running') {
      throw new AppError('unavailable', this.#state === 'starting' ? REPLAYING : 'ingester is shutting down', { retryAfterMs: RETRY_AFTER_MS });
    }
    const instance = this.#tenant(tenant);
    instance.assertRoom();
    const created = instance.live.created;
    const { bytes: kept, refused } = instance.admit(bytes, scan);
    this.#deps.metrics.received(tenant, bytes.length, instance.live.created - created);
    if (kept.length === 0) return refused;
    const pin = this.#pins.pinNext();
    try {
      // The log resolves appends in its own order, so folds happen in the order of the log too.
      const position = await this.#deps.log.append(tenant, FRAME_OTLP, kept);
      instance.fold(kept, position);
    } finally {
      this.#pins.unpin(pin);
    }
    return refused;
  }

  recent(tenant: TenantId, covered?: readonly string[]): RecentData {
    if (this.#state === 'starting') throw new AppError('unavailable', REPLAYING, { retryAfterMs: RETRY_AFTER_MS });
    return this.#tenants.get(tenant)?.recent(covered) ?? NOTHING;
  }

  held(tenant: TenantId, forMs: number): readonly string[] {
    if (this.#state === 'starting') throw new AppError('unavailable', REPLAYING, { retryAfterMs: RETRY_AFTER_MS });
    return this.#tenants.get(tenant)?.held(forMs) ?? [];
  }

  async flush(tenant?: TenantId): Promise<void> {
    const instances = tenant === undefined ? [...this.#tenants.values()] : [this.#tenants.get(tenant)].filter((t) => t !== undefined);
    const results = await Promise.allSettled(instances.map((instance) => instance.flush()));
    await this.#release();
    const failed = results.find((r) => r.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async stop(signal?: AbortSignal): Promise<void> {
    this.#state = 'stopped';
    clearInterval(this.#flushTimer);
    clearInterval(this.#idleTimer);
    const flushed = this.flush().catch((error: unknown) =>
      this.#deps.logger.error('flush at shutdown failed, the log keeps what is not in blocks', { err: error }),
    );
    await Promise.race([flushed, aborted(signal)]);
    await this.#deps.log.close();
  }

  tenants(): TenantId[] {
    return [...this.#tenants].filter(([, instance]) => !instance.idle).map(([tenant]) => tenant);
  }

  *liveTraces(): Iterable<readonly [TenantId, number, number]> {
    for (const [tenant, { live }] of this.#tenants) yield [tenant, live.count, live.bytes];
  }

  get memoryBytes(): number {
    let n = 0;
    for (const tenant of this.#tenants.values()) n += tenant.memoryBytes;
    return n;
  }

  #tenant(tenant: TenantId): TenantIngester {
    let instance = this.#tenants.get(tenant);
    if (!instance) {
      const { config, work, clock, logger, metrics, limits, recovered } = this.#deps;
      const found = recovered.get(tenant) ?? { parts: [], nextPart: 1, watermark: ORIGIN, kept: [] };
      instance = new TenantIngester(tenant, {
        config,
        limits: () => limits(tenant),
        work,
        pins: this.#pins,
        tables: this.#tables,
        clock,
        logger,
        metrics,
        ...found,
      });
      this.#tenants.set(tenant, instance);
    }
    return instance;
  }

  #check(): void {
    for (const [tenant, instance] of this.#tenants) {
      instance.retry();
      instance.check();
      const idle = instance.idle && instance.live.count === 0 ? (this.#idleChecks.get(tenant) ?? 0) + 1 : 0;
      // A tenant that has gone quiet costs nothing; its watermark is on disk, and recovered again from there only at a start.
      if (idle >= IDLE_TENANT_CHECKS && tenant !== SINGLE_TENANT && !this.#deps.recovered.has(tenant)) {
        this.#tenants.delete(tenant);
        this.#idleChecks.delete(tenant);
      } else this.#idleChecks.set(tenant, idle);
    }
    void this.#release();
  }

  /** Ends the segment being written when older ones wait for it, and deletes what no table needs any more. */
  #release(): Promise<void> {
    this.#releasing = this.#releasing.then(async () => {
      try {
        const closed = await this.#deps.log.rotate();
        await this.#deps.log.release(this.#pins.releasable(closed));
      } catch (error) {
        this.#deps.logger.warn('log segments could not be released, will be tried again', { err: error });
      }
    });
    return this.#releasing;
  }

  async #replay(signal?: AbortSignal): Promise<void> {
    const { logger, log } = this.#deps;
    let skipped = 0;
    const report = await log.replay(
      async (frame) => {
        if (frame.kind !== FRAME_OTLP) return 'set-aside';
        const instance = this.#tenant(frame.tenant as TenantId);
        const position = { segment: frame.segment, offset: frame.offset };
        if (instance.isSaved(position)) {
          skipped++;
          return undefined;
        }
        instance.fold(frame.payload, position);
        // Bounded memory: reading waits until sealed tables are on disk.
        if (instance.waiting) await instance.drainParts();
        return undefined;
      },
      {
        ...(signal ? { signal } : {}),
        logger,
        onProgress: (p) => logger.info('replaying log', { segment: p.segments, of: p.totalSegments, frames: p.frames }),
      },
    );
    if (report.frames > 0)
      logger.info('log replayed', {
        segments: report.segments,
        frames: report.frames,
        saved: skipped,
        bytes: report.bytes,
        torn_bytes: report.tornBytes,
        damaged: report.damaged.length,
      });
  }
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve();
    else signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}
