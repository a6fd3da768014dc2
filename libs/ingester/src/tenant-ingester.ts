import path from 'node:path';
import { AppError, assert } from '@vivace/base';
import type { BlockId, Clock, Logger, TenantId } from '@vivace/base';
import { decodeInto, DROP, regroup } from '@vivace/otlp';
import type { ScanResult } from '@vivace/otlp';
import type { PartInfo } from '@vivace/part';
import type { SpanTable, SpanTableHandle } from '@vivace/trace';
import { ADMITTED, LiveTraces, TOO_MANY_LIVE_TRACES } from './live-traces.ts';
import type { Verdict } from './live-traces.ts';
import type { KeptBlock } from './kept-parts.ts';
import { isAfter } from './ports.ts';
import type { HeavyWork, IngesterConfig, IngesterMetrics, Position, TenantLimits } from './ports.ts';
import type { SegmentPins } from './segment-pins.ts';
import { PooledTable } from './table-pool.ts';
import type { TablePool } from './table-pool.ts';

/** A table that takes or took spans and is not on disk yet. */
interface Head {
  readonly pooled: PooledTable;
  readonly table: SpanTable;
  readonly firstPushMs: number;
  lastPushMs: number;
  /** Pinned log segment; undefined until the first fold. */
  pinned: number | undefined;
  /** Log frames of the tenant up to here are in this table or an earlier one. */
  watermark: Position;
}

interface Part extends PartInfo {
  readonly createdMs: number;
  /** Queries reading it; the file goes when it is retired and nobody reads. */
  readers: number;
  retired: boolean;
}

/** The parts of a block in the store that not every querier knows of yet. */
interface Kept extends KeptBlock {
  readers: number;
  retired: boolean;
  /** Somebody counts on it until then. */
  promisedUntilMs: number;
}

/** What a query sees of a tenant's recent data. `release` must be called once; false: a cancelled job may still be reading. */
export interface RecentData {
  readonly tables: readonly SpanTableHandle[];
  readonly parts: readonly string[];
  release(ended?: boolean): void;
}

export interface Refusals {
  readonly traceTooLarge: number;
  readonly tooManyLiveTraces: number;
}

const RETRY_AFTER_MS = 1_000;
const NONE: ReadonlySet<string> = new Set();

/**
 * One tenant's way from the log to a block: head table → sealed table → part → block.
 *
 * A span is in exactly one of them at any moment a query looks (`recent` and the block list are read in the same turn), and in the log until it is in
 * a part. Nothing is dropped on failure: a part or block that cannot be written is tried again, and pushes are refused meanwhile
 * when memory runs out.
 */
export class TenantIngester {
  readonly tenant: TenantId;
  readonly live = new LiveTraces();
  readonly #config: IngesterConfig;
  readonly #limits: () => TenantLimits;
  readonly #work: HeavyWork;
  readonly #pins: SegmentPins;
  readonly #tables: TablePool;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #metrics: IngesterMetrics;
  readonly #decodeStats = { cutStrings: 0 };
  #head: Head | undefined;
  /** Sealed tables, oldest first; the first is being written. */
  #sealed: Head[] = [];
  #parts: Part[] = [];
  #kept: Kept[];
  #partSequence: number;
  #watermark: Position;
  #writing: Promise<void> | undefined;
  #building: Promise<void> | undefined;
  #buildRetryAtMs = 0;
  #groups = new Uint32Array(1024);

  constructor(tenant: TenantId, deps: TenantIngesterDeps) {
    this.tenant = tenant;
    this.#config = deps.config;
    this.#limits = deps.limits;
    this.#work = deps.work;
    this.#pins = deps.pins;
    this.#tables = deps.tables;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#metrics = deps.metrics;
    this.#parts = deps.parts.map((part) => ({ ...part, createdMs: deps.clock.now(), readers: 0, retired: false }));
    this.#kept = deps.kept.map((block) => ({ ...block, readers: 0, retired: false, promisedUntilMs: 0 }));
    this.#partSequence = deps.nextPart;
    this.#watermark = deps.watermark;
  }

  get memoryBytes(): number {
    return (this.#head?.table.usedBytes() ?? 0) + this.#sealed.reduce((n, h) => n + h.table.usedBytes(), 0);
  }

  get idle(): boolean {
    return (
      this.#head === undefined &&
      this.#sealed.length === 0 &&
      this.#parts.length === 0 &&
      this.#kept.length === 0 &&
      this.#writing === undefined &&
      this.#building === undefined
    );
  }

  /**
   * Applies the limits that need the tenant's traces. Returns the bytes to log (the same when nothing was refused, empty
   * when all was) and what was refused.
   */
  admit(bytes: Uint8Array, scan: ScanResult): { bytes: Uint8Array; refused: Refusals } {
    const limits = this.#limits();
    let traceTooLarge = 0;
    let tooManyLiveTraces = 0;
    if (this.#groups.length < scan.spanCount) this.#groups = new Uint32Array(scan.spanCount * 2);
    const groups = this.#groups;
    for (let i = 0; i < scan.spanCount; i++) {
      groups[i] = 0;
      if (scan.spanRefusal[i] !== 0) {
        groups[i] = DROP;
        continue;
      }
      const verdict: Verdict = this.live.admit(bytes, scan.spanTraceIdAt[i], scan.spanTo[i] - scan.spanFrom[i], limits);
      if (verdict === ADMITTED) continue;
      groups[i] = DROP;
      if (verdict === TOO_MANY_LIVE_TRACES) tooManyLiveTraces++;
      else traceTooLarge++;
    }
    const refused = traceTooLarge + tooManyLiveTraces + scan.refusedCount;
    const kept = refused === 0 ? bytes : refused === scan.spanCount ? new Uint8Array(0) : regroup(bytes, scan, groups, 1)[0];
    return { bytes: kept, refused: { traceTooLarge, tooManyLiveTraces } };
  }

  /** Throws `resource_exhausted` while memory for unsaved spans is used up (parts cannot be written fast enough, or at all). */
  assertRoom(): void {
    if (this.#sealed.length >= this.#config.maxSealedTables) {
      throw new AppError(
        'resource_exhausted',
        `ingester has ${this.#sealed.length} tables waiting for the disk, limit ingester.max_unsaved_tables ${this.#config.maxSealedTables}; try again later`,
        {
          retryAfterMs: RETRY_AFTER_MS,
        },
      );
    }
  }

  /** Folds logged bytes into the head. Call in the order of the log. */
  fold(bytes: Uint8Array, position: Position): void {
    assert(
      isAfter(position, this.#watermark),
      `frame ${position.segment}/${position.offset} folded after ${this.#watermark.segment}/${this.#watermark.offset}`,
    );
    const now = this.#clock.now();
    this.#head ??= this.#newHead(now);
    const head = this.#head;
    if (head.pinned === undefined) {
      this.#pins.pin(position.segment);
      head.pinned = position.segment;
    }
    this.#decodeStats.cutStrings = 0;
    head.table.beginBatch();
    decodeInto(bytes, head.table, { maxAttributeBytes: this.#limits().maxAttributeBytes }, this.#decodeStats);
    if (this.#decodeStats.cutStrings > 0) this.#metrics.attributesTruncated(this.tenant, this.#decodeStats.cutStrings);
    head.lastPushMs = now;
    head.watermark = this.#watermark = position;
    if (head.table.spanCount >= this.#config.maxHeadSpans || head.table.usedBytes() >= this.#config.maxHeadBytes) this.seal();
  }

  #newHead(now: number): Head {
    const pooled = new PooledTable(this.#tables);
    return { pooled, table: pooled.table, firstPushMs: now, lastPushMs: now, pinned: undefined, watermark: this.#watermark };
  }

  /** Frames up to here are in parts already; replay skips them. */
  isSaved(position: Position): boolean {
    return !isAfter(position, this.#watermark);
  }

  /** Periodic cut decisions (`flush_check_period`). */
  check(): void {
    const now = this.#clock.now();
    const head = this.#head;
    if (head && (now - head.firstPushMs >= this.#config.traceLivePeriodMs || now - head.lastPushMs >= this.#config.traceIdlePeriodMs)) this.seal();
    if (now >= this.#buildRetryAtMs && this.#blockIsDue(now)) void this.buildBlock();
    this.#letGo(now);
  }

  /** Ends the head table; it stays visible to queries while a worker writes it. */
  seal(): void {
    if (!this.#head) return;
    this.#sealed.push(this.#head);
    this.#head = undefined;
    this.#writing ??= this.#writeParts();
  }

  /** Resolves when everything received before the call is on disk and in a block. Rejects when that fails. */
  async flush(): Promise<void> {
    this.seal();
    await this.drainParts();
    while (this.#building) await this.#building;
    const due = new Set(this.#parts);
    for (let left = due.size; left > 0; ) {
      await this.buildBlock();
      const still = this.#parts.filter((part) => due.has(part)).length;
      if (still >= left) throw new AppError('unavailable', `block of tenant ${this.tenant} could not be completed; its spans stay in parts`);
      left = still;
    }
  }

  /** Sealed tables wait for the disk. */
  get waiting(): boolean {
    return this.#sealed.length > 0;
  }

  /** Resolves when all sealed tables are parts; rejects when one cannot be written. */
  async drainParts(): Promise<void> {
    this.retry();
    while (this.#writing) await this.#writing;
    if (this.#sealed.length > 0) throw new AppError('unavailable', `part of tenant ${this.tenant} could not be written; its spans stay in the log`);
  }

  /** Without the parts of the blocks `covered`, which the caller asks itself. */
  recent(covered: readonly string[] = []): RecentData {
    const parts = [...this.#parts];
    const known: ReadonlySet<string> = this.#kept.length === 0 ? NONE : new Set(covered);
    const kept = this.#kept.filter(({ blockId }) => !known.has(blockId));
    for (const held of [...parts, ...kept]) held.readers++;
    const heads = [...this.#sealed, ...(this.#head ? [this.#head] : [])];
    const tables = heads.map((h) => h.table.handle());
    const endReading = heads.map((h) => h.pooled.read());
    let released = false;
    return {
      tables,
      // Oldest first.
      parts: [...kept.flatMap((block) => block.parts), ...parts.map((p) => p.path)],
      release: (ended = true) => {
        if (released) return;
        released = true;
        for (const end of endReading) end(ended);
        for (const part of parts) {
          part.readers--;
          if (part.retired && part.readers === 0) void this.#work.deletePart(part.path);
        }
        for (const block of kept) {
          block.readers--;
          if (block.retired && block.readers === 0) void this.#work.dropKept(this.tenant, block.blockId);
        }
      },
    };
  }

  /** Blocks in the store of which all parts are still here, and will be for `forMs`. */
  held(forMs: number): readonly string[] {
    const now = this.#clock.now();
    // Not those that are due already: they would never go while somebody asks.
    const due = (block: Kept): boolean => now - block.sinceMs >= this.#config.keepFlushedMs;
    const held = this.#kept.filter((block) => !due(block));
    for (const block of held) block.promisedUntilMs = Math.max(block.promisedUntilMs, now + forMs);
    return held.map(({ blockId }) => blockId);
  }

  async buildBlock(): Promise<void> {
    if (this.#building || this.#parts.length === 0) return this.#building;
    this.#building = this.#build([...this.#parts]).finally(() => {
      this.#building = undefined;
    });
    return this.#building;
  }

  #blockIsDue(now: number): boolean {
    if (this.#parts.length === 0 || this.#building) return false;
    const bytes = this.#parts.reduce((sum, p) => sum + p.receivedBytes, 0);
    return bytes >= this.#config.maxBlockBytes || now - this.#parts[0].createdMs >= this.#config.maxBlockDurationMs;
  }

  /** By now every querier has heard of the block. */
  #letGo(now: number): void {
    for (const block of this.#kept) {
      if (now - block.sinceMs < this.#config.keepFlushedMs || now < block.promisedUntilMs) continue;
      block.retired = true;
      if (block.readers === 0) void this.#work.dropKept(this.tenant, block.blockId);
    }
    this.#kept = this.#kept.filter(({ retired }) => !retired);
  }

  async #writeParts(): Promise<void> {
    while (this.#sealed.length > 0) {
      const head = this.#sealed[0];
      const file = path.join(this.#config.partsDir, this.tenant, `${String(this.#partSequence).padStart(12, '0')}.part`);
      try {
        const info = await this.#work.writePart({ table: head.table.handle(), path: file, tenant: this.tenant, watermark: head.watermark });
        // In one turn: a query sees the spans in the table or in the part, never in both or neither.
        this.#partSequence++;
        this.#parts.push({ ...info, createdMs: head.firstPushMs, readers: 0, retired: false });
        this.#sealed.shift();
        head.pooled.saved();
        if (head.pinned !== undefined) this.#pins.unpin(head.pinned);
        this.#metrics.partWritten(this.tenant, info);
      } catch (error) {
        this.#metrics.failed('part');
        this.#logger.error('part could not be written, will be tried again', { tenant: this.tenant, path: file, err: error });
        break;
      }
    }
    this.#writing = undefined;
  }

  /** Called by the timer: tries sealed tables again after a failure. */
  retry(): void {
    if (this.#sealed.length > 0) this.#writing ??= this.#writeParts();
  }

  async #build(parts: Part[]): Promise<void> {
    const started = this.#clock.now();
    try {
      // Before there is a block, so that nothing can fail between its being live and its parts' being retired. The spans are saved by now: in the
      // parts, which say so themselves as long as they are there.
      await this.#work.saveWatermark(this.tenant, parts[parts.length - 1].watermark);
      const built = await this.#work.buildBlock({ tenant: this.tenant, blockId: crypto.randomUUID() as BlockId, parts: parts.map((p) => p.path) });
      const stored = parts.filter((part) => built.parts.includes(part.path));
      const { blockId } = built;
      const kept = this.#config.keepFlushedMs > 0 ? await this.#work.keepParts(this.tenant, blockId, built.parts) : [];
      // In one turn again: announced and retired.
      built.announce();
      if (kept.length > 0) this.#kept.push({ blockId, parts: kept, sinceMs: this.#clock.now(), readers: 0, retired: false, promisedUntilMs: 0 });
      this.#parts = this.#parts.filter((p) => !stored.includes(p));
      for (const part of stored) {
        part.retired = true;
        if (part.readers === 0) await this.#work.deletePart(part.path);
      }
      await built.cleanUp();
      this.#metrics.blockFlushed(this.tenant, built.sizeBytes, (this.#clock.now() - started) / 1_000);
      this.#logger.info('block flushed', {
        tenant: this.tenant,
        block: built.blockId,
        traces: built.traces,
        bytes: built.sizeBytes,
        parts: stored.length,
        ms: this.#clock.now() - started,
      });
    } catch (error) {
      this.#metrics.failed('block');
      this.#buildRetryAtMs = this.#clock.now() + this.#config.blockRetryMs;
      this.#logger.error('block could not be completed, will be tried again', { tenant: this.tenant, parts: parts.length, err: error });
    }
  }
}

export interface TenantIngesterDeps {
  readonly config: IngesterConfig;
  readonly limits: () => TenantLimits;
  readonly work: HeavyWork;
  readonly pins: SegmentPins;
  readonly tables: TablePool;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: IngesterMetrics;
  /** Parts of an earlier run, oldest first. */
  readonly parts: readonly PartInfo[];
  readonly nextPart: number;
  /** Parts of blocks that an earlier run stored. */
  readonly kept: readonly KeptBlock[];
  readonly watermark: Position;
}
