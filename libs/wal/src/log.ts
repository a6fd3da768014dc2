import fs from 'node:fs/promises';
import { AppError, silentLogger, systemClock } from '@vivace/base';
import type { Clock, Logger, MetricsRegistry, TenantId } from '@vivace/base';
import { lockDir } from './dir-lock.ts';
import type { DirLock } from './dir-lock.ts';
import { encodeFramePrefix, FRAME_PREFIX_BYTES, MAX_TENANT_BYTES } from './frame.ts';
import { nodeLogFs } from './log-fs.ts';
import type { LogFs } from './log-fs.ts';
import { createMarker, readMarker } from './log-id.ts';
import { createLogMetrics } from './log-metrics.ts';
import type { LogMetrics } from './log-metrics.ts';
import { replaySegments } from './replay.ts';
import type { FrameHandler, ReplayBounds, ReplayOptions, ReplayReport } from './replay.ts';
import { listSequences, nextSequence, segmentPath } from './segment-files.ts';
import { SegmentWriter } from './segment-writer.ts';

/** Where a frame begins. Later frames have greater positions: by segment, then by offset. */
export interface LogPosition {
  readonly segment: number;
  readonly offset: number;
}

export interface LogOptions {
  /** The log's own folder; made when missing. */
  readonly dir: string;
  /** `always`: a frame is on the disk before `append` resolves. `interval`: it is in the kernel, and on the disk `syncIntervalMs` later. */
  readonly sync: 'interval' | 'always';
  /** Default 100. */
  readonly syncIntervalMs?: number;
  /** A segment is followed by a new one when it has reached this size. Default 64 MiB. */
  readonly segmentBytes?: number;
  /** Default 64 MiB. */
  readonly maxFrameBytes?: number;
  /** Bytes waiting to be written, beyond which appends are refused. Default 128 MiB. */
  readonly maxPendingBytes?: number;
  readonly clock?: Clock;
  readonly timers?: LogTimers;
  readonly logger?: Logger;
  readonly metrics?: MetricsRegistry;
  readonly fs?: LogFs;
}

export interface LogTimers {
  /** Returns the function that cancels. */
  after(ms: number, run: () => void): () => void;
}

export interface Log {
  /**
   * Adds a frame and resolves when it is as durable as `sync` promises. Borrows `payload` until then.
   * Rejects with `resource_exhausted` (queue or disk full; try again) or `unavailable` (I/O error, closed): the frame is then not in the log.
   */
  append(tenant: TenantId, kind: number, payload: Uint8Array): Promise<LogPosition>;
  /** Ends the segment: resolves with its sequence once every frame appended before the call is in it or an earlier one; later frames go to later segments. */
  rotate(): Promise<number>;
  /** Deletes the segments up to and including `upTo`, whose data must be safe elsewhere. The segment being written is never deleted. */
  release(upTo: number): Promise<void>;
  /** Reads the segments that earlier runs left, oldest first. May run beside `append`. */
  replay(onFrame: FrameHandler, options?: ReplayOptions): Promise<ReplayReport>;
  /** Segments begun from now on have at least this sequence: for a caller that remembers positions of a log that was taken away since. */
  skipTo(sequence: number): void;
  /** Bytes of appends that have not been resolved. */
  readonly pendingBytes: number;
  /** Writes and syncs what was appended, then gives the folder free. */
  close(): Promise<void>;
}

/** Opens the log and takes its folder for this process; `failed_precondition` while another one holds it. */
export async function openLog(options: LogOptions): Promise<Log> {
  const lock = await claimDir(options.dir);
  try {
    const sequence = await nextSequence(options.dir);
    const marker = (await readMarker(options.dir)) ?? (await createMarker(options.dir));
    return new SegmentedLog(options, lock, marker, sequence);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function claimDir(dir: string): Promise<DirLock> {
  try {
    await fs.mkdir(dir, { recursive: true });
    return await lockDir(dir);
  } catch (reason) {
    if (reason instanceof AppError) throw reason;
    const message = `wal: ${dir} is no folder that can be written to: ${(reason as Error).message}; see storage.trace.wal.path`;
    throw new AppError('failed_precondition', message, { cause: reason });
  }
}

interface PendingFrame {
  readonly kind: 'frame';
  readonly prefix: Uint8Array;
  readonly payload: Uint8Array;
  readonly resolve: (position: LogPosition) => void;
  readonly reject: (error: AppError) => void;
}

interface PendingRotate {
  readonly kind: 'rotate';
  readonly resolve: (closed: number) => void;
}

// IOV_MAX is 1024 and a frame takes two buffers.
const MAX_GROUP_FRAMES = 512;
const RETRY_AFTER_MS = 1_000;

const systemTimers: LogTimers = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** One loop takes from the queue; whatever arrives while it writes is the next group: one write, and one sync where asked, for all of it. */
class SegmentedLog implements Log {
  readonly #dir: string;
  readonly #always: boolean;
  readonly #syncIntervalMs: number;
  readonly #segmentBytes: number;
  readonly #maxFrameBytes: number;
  readonly #maxPendingBytes: number;
  readonly #clock: Clock;
  readonly #timers: LogTimers;
  readonly #logger: Logger;
  readonly #metrics: LogMetrics | undefined;
  readonly #fs: LogFs;
  readonly #lock: DirLock;
  readonly #marker: Uint8Array;
  readonly #firstSequence: number;

  #queue: (PendingFrame | PendingRotate)[] = [];
  #pendingBytes = 0;
  #pump: Promise<void> | undefined;
  #segment: SegmentWriter | undefined;
  #nextSequence: number;
  /** The segment that is being created or written. */
  #writing = Number.POSITIVE_INFINITY;
  /** The empty segment that only keeps its number taken; 0 before there is one. */
  #placeholder = 0;
  #cancelSync: (() => void) | undefined;
  /** Segments with unreadable frames that could not be put in quarantine. */
  readonly #unreleasable = new Set<number>();
  readonly #background = new Set<Promise<void>>();
  #failing = false;
  #closed = false;

  constructor(options: LogOptions, lock: DirLock, marker: Uint8Array, sequence: number) {
    this.#dir = options.dir;
    this.#always = options.sync === 'always';
    this.#syncIntervalMs = options.syncIntervalMs ?? 100;
    this.#segmentBytes = options.segmentBytes ?? 64 * 1024 * 1024;
    this.#maxFrameBytes = options.maxFrameBytes ?? 64 * 1024 * 1024;
    this.#maxPendingBytes = options.maxPendingBytes ?? 128 * 1024 * 1024;
    this.#clock = options.clock ?? systemClock;
    this.#timers = options.timers ?? systemTimers;
    this.#logger = options.logger ?? silentLogger;
    this.#metrics = options.metrics && createLogMetrics(options.metrics, () => this.#pendingBytes);
    this.#fs = options.fs ?? nodeLogFs;
    this.#lock = lock;
    this.#marker = marker;
    this.#firstSequence = sequence;
    this.#nextSequence = sequence;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  append(tenant: TenantId, kind: number, payload: Uint8Array): Promise<LogPosition> {
    const refusal = this.#refuse(tenant, payload);
    if (refusal) return Promise.reject(refusal);
    const prefix = encodeFramePrefix(this.#marker, tenant, kind, payload);
    this.#pendingBytes += prefix.length + payload.length;
    return new Promise((resolve, reject) => {
      this.#enqueue({ kind: 'frame', prefix, payload, resolve, reject });
    });
  }

  skipTo(sequence: number): void {
    this.#nextSequence = Math.max(this.#nextSequence, sequence);
  }

  rotate(): Promise<number> {
    return new Promise((resolve) => this.#enqueue({ kind: 'rotate', resolve }));
  }

  async release(upTo: number): Promise<void> {
    const sequences = await listSequences(this.#dir);
    const newest = sequences.at(-1);
    for (const sequence of sequences) {
      if (sequence > upTo || sequence >= this.#writing) break;
      if (this.#unreleasable.has(sequence)) continue;
      try {
        if (sequence === newest) {
          if (sequence === this.#placeholder) break;
          await this.#holdPlace();
        }
        await this.#fs.unlink(segmentPath(this.#dir, sequence));
      } catch (cause) {
        this.#metrics?.failures.with({ operation: 'delete' }).inc();
        throw new AppError('unavailable', `wal: segment ${sequence} cannot be deleted: ${messageOf(cause)}`, { cause });
      }
    }
  }

  replay(onFrame: FrameHandler, options: ReplayOptions = {}): Promise<ReplayReport> {
    const bounds: ReplayBounds = {
      marker: this.#marker,
      belowSequence: this.#firstSequence,
      maxFrameBytes: this.#maxFrameBytes,
      onUnkept: (sequence) => void this.#unreleasable.add(sequence),
    };
    return replaySegments(this.#dir, bounds, onFrame, { logger: this.#logger, ...options });
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#pump) await this.#pump;
    this.#cancelSync?.();
    this.#retire();
    await Promise.all(this.#background);
    await this.#lock.release();
  }

  /** An empty segment keeps the place of the newest one, so that sequences never go back, not even over a restart. */
  async #holdPlace(): Promise<void> {
    const sequence = this.#nextSequence++;
    const file = await this.#fs.create(segmentPath(this.#dir, sequence));
    await file.close();
    await this.#fs.syncDir(this.#dir);
    this.#placeholder = sequence;
  }

  #refuse(tenant: string, payload: Uint8Array): AppError | undefined {
    if (this.#closed) return new AppError('unavailable', 'wal: closed');
    if (tenant.length === 0 || tenant.length > MAX_TENANT_BYTES) {
      return new AppError('invalid_argument', `wal: tenant of ${tenant.length} bytes, want 1 to ${MAX_TENANT_BYTES}`);
    }
    const bytes = FRAME_PREFIX_BYTES + tenant.length + payload.length;
    if (bytes > this.#maxFrameBytes)
      return new AppError('invalid_argument', `wal: frame of ${bytes} bytes exceeds the limit of ${this.#maxFrameBytes}; send smaller batches`);
    // One frame is always admitted, so that no frame is refused for ever.
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > this.#maxPendingBytes) {
      return new AppError(
        'resource_exhausted',
        `wal: ${this.#pendingBytes + bytes} bytes waiting to be written exceed the limit of ${this.#maxPendingBytes} (storage.trace.wal.max_pending_bytes)`,
        { retryAfterMs: RETRY_AFTER_MS },
      );
    }
    return undefined;
  }

  #enqueue(entry: PendingFrame | PendingRotate): void {
    this.#queue.push(entry);
    this.#pump ??= this.#run();
  }

  async #run(): Promise<void> {
    // Appends of the same turn of the event loop join the first group.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const head = this.#queue[0];
      if (head.kind === 'rotate') {
        this.#queue.shift();
        this.#retire();
        head.resolve(this.#nextSequence - 1);
      } else {
        await this.#writeGroup(this.#takeGroup());
      }
    }
    this.#pump = undefined;
  }

  #takeGroup(): PendingFrame[] {
    const group: PendingFrame[] = [];
    let bytes = 0;
    for (const entry of this.#queue) {
      if (entry.kind !== 'frame' || group.length === MAX_GROUP_FRAMES || bytes >= this.#segmentBytes) break;
      group.push(entry);
      bytes += entry.prefix.length + entry.payload.length;
    }
    this.#queue = this.#queue.slice(group.length);
    return group;
  }

  async #writeGroup(group: PendingFrame[]): Promise<void> {
    const buffers: Uint8Array[] = [];
    let bytes = 0;
    for (const frame of group) {
      buffers.push(frame.prefix, frame.payload);
      bytes += frame.prefix.length + frame.payload.length;
    }
    try {
      const segment = await this.#writableSegment();
      let offset = segment.sizeBytes;
      await segment.write(buffers, this.#always);
      this.#pendingBytes -= bytes;
      for (const frame of group) {
        frame.resolve({ segment: segment.sequence, offset });
        offset += frame.prefix.length + frame.payload.length;
      }
      this.#succeeded(group.length, bytes);
    } catch (cause) {
      this.#pendingBytes -= bytes;
      const error = this.#writeFailed(cause);
      for (const frame of group) frame.reject(error);
    }
  }

  async #writableSegment(): Promise<SegmentWriter> {
    if (this.#segment && (!this.#segment.usable || this.#segment.sizeBytes >= this.#segmentBytes)) this.#retire();
    if (!this.#segment) {
      this.#writing = this.#nextSequence++;
      this.#segment = await SegmentWriter.create(this.#fs, this.#dir, this.#writing, this.#marker, this.#clock.now());
    }
    return this.#segment;
  }

  #succeeded(frames: number, bytes: number): void {
    this.#metrics?.frames.inc(frames);
    this.#metrics?.bytes.inc(bytes);
    if (this.#failing) this.#logger.info('wal: accepting writes again', { dir: this.#dir });
    this.#failing = false;
    if (this.#always) this.#metrics?.syncs.inc();
    else this.#cancelSync ??= this.#timers.after(this.#syncIntervalMs, () => this.#syncNow());
  }

  #writeFailed(cause: unknown): AppError {
    this.#metrics?.failures.with({ operation: 'write' }).inc();
    const error = diskError(cause);
    if (!this.#failing) this.#logger.error('wal: writes are failing', { dir: this.#dir, err: error });
    this.#failing = true;
    return error;
  }

  #syncNow(): void {
    this.#cancelSync = undefined;
    const segment = this.#segment;
    if (segment) this.#track(segment.sync());
  }

  /** Syncs and closes the segment behind the writer's back; the next group begins a new one. */
  #retire(): void {
    const segment = this.#segment;
    this.#segment = undefined;
    this.#writing = Number.POSITIVE_INFINITY;
    if (segment) this.#track(segment.close());
  }

  /** Acknowledged frames cannot be taken back: a failed sync is counted and logged, and its segment written to no more. */
  #track(sync: Promise<void>): void {
    const tracked = sync
      .then(
        () => this.#metrics?.syncs.inc(),
        (cause: unknown) => {
          this.#metrics?.failures.with({ operation: 'sync' }).inc();
          this.#logger.error('wal: sync failed, recent frames would not survive a power cut', { dir: this.#dir, err: cause });
        },
      )
      .finally(() => this.#background.delete(tracked));
    this.#background.add(tracked);
  }
}

function diskError(cause: unknown): AppError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const text = full ? 'wal: no space left on the device' : `wal: write failed: ${messageOf(cause)}`;
  return new AppError(full ? 'resource_exhausted' : 'unavailable', text, { cause, retryAfterMs: RETRY_AFTER_MS });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
