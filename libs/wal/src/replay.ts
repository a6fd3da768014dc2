import fs from 'node:fs/promises';
import path from 'node:path';
import { silentLogger } from '@vivace/base';
import type { Logger } from '@vivace/base';
import { lockDir } from './dir-lock.ts';
import { readMarker } from './log-id.ts';
import { listSegments, quarantineDir } from './segment-files.ts';
import type { SegmentFile } from './segment-files.ts';
import { scanSegment } from './scan-segment.ts';
import type { ByteRange, Frame } from './scan-segment.ts';

/** `set-aside`: the frame is undamaged but not understood (an unknown kind, say); its segment is kept in quarantine and replay goes on. */
export type FrameVerdict = 'set-aside' | undefined;
/** Called frame by frame in the order of the log, the next one after the promise of the last. A rejection ends the replay. */
export type FrameHandler = (frame: Frame) => FrameVerdict | void | Promise<FrameVerdict | void>;

export interface ReplayOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ReplayProgress) => void;
  readonly logger?: Logger;
}

export interface ReplayProgress {
  readonly segments: number;
  readonly totalSegments: number;
  readonly bytes: number;
  readonly totalBytes: number;
  readonly frames: number;
}

export interface SegmentRange extends ByteRange {
  readonly segment: number;
}

export interface ReplayReport {
  readonly segments: number;
  readonly frames: number;
  readonly bytes: number;
  /** Cut from the end of the last segment: a write that a crash interrupted, never acknowledged. */
  readonly tornBytes: number;
  /** Stretches that hold no readable frame, with the segment's sequence. */
  readonly damaged: readonly SegmentRange[];
  /** Frames the handler did not understand. */
  readonly setAsideFrames: number;
  /** Copies of segments with damaged or set-aside frames. */
  readonly quarantined: readonly string[];
  /** The newest segment that was read; 0 when there was none. All up to here may be released once its frames are safe elsewhere. */
  readonly lastSegment: number;
}

export interface ReplayBounds {
  /** The marker to look for in a segment whose own header is damaged. */
  readonly marker: Uint8Array | undefined;
  readonly belowSequence: number;
  readonly maxFrameBytes: number;
  readonly onUnkept?: (sequence: number) => void;
}

/** Reads the log in `dir` without opening it for appends; holds its lock meanwhile. `Log.replay` does the same for an open log. */
export async function replay(dir: string, onFrame: FrameHandler, options: ReplayOptions = {}): Promise<ReplayReport> {
  const lock = await lockDir(dir);
  try {
    const bounds = { marker: await readMarker(dir), belowSequence: Number.POSITIVE_INFINITY, maxFrameBytes: 64 * 1024 * 1024 };
    return await replaySegments(dir, bounds, onFrame, options);
  } finally {
    await lock.release();
  }
}

/**
 * Streams every readable frame of the segments below a sequence. Damage never rejects: the segment it is in is kept in quarantine
 * (once, and logged once) and reading goes on at the next frame. Memory: one frame and a read-ahead.
 * Calls `onUnkept` for a segment that should be in quarantine and could not be put there: it must not be deleted.
 */
export async function replaySegments(dir: string, bounds: ReplayBounds, onFrame: FrameHandler, options: ReplayOptions): Promise<ReplayReport> {
  const logger = options.logger ?? silentLogger;
  const segments = (await listSegments(dir)).filter((segment) => segment.sequence < bounds.belowSequence);
  const totalBytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  const damaged: SegmentRange[] = [];
  const quarantined: string[] = [];
  let frames = 0;
  let bytes = 0;
  let tornBytes = 0;
  let setAsideFrames = 0;
  const progress = (done: number, at: number): void =>
    options.onProgress?.({ segments: done, totalSegments: segments.length, bytes: bytes + at, totalBytes, frames });

  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    const unknownBefore = setAsideFrames;
    const take = (verdict: FrameVerdict | void): void => {
      frames++;
      if (verdict === 'set-aside') setAsideFrames++;
    };
    const scan = await scanSegment(segment, bounds.marker, bounds.maxFrameBytes, {
      onProgress: (at) => progress(index, at),
      onFrame(frame) {
        options.signal?.throwIfAborted();
        const verdict = onFrame(frame);
        return verdict instanceof Promise ? verdict.then(take) : take(verdict);
      },
    });
    // Only the last segment can have been written to when the process died; elsewhere a frame cut short is damage. So it is behind damage: the
    // segment is kept as it is then, since a cut would leave the damage at its end, where the next start would take it for a torn write.
    const isTorn = isLast && scan.damaged.length === 0;
    const bad = scan.torn && !isTorn && !scan.torn.zeros ? [...scan.damaged, scan.torn] : scan.damaged;
    for (const { from, to } of bad) damaged.push({ segment: segment.sequence, from, to });
    if (bad.length > 0 || setAsideFrames > unknownBefore) {
      const kept = await quarantine(dir, segment, logger, { damaged: bad.length, firstAt: bad[0]?.from, unknown: setAsideFrames - unknownBefore });
      if (kept) quarantined.push(kept);
      else bounds.onUnkept?.(segment.sequence);
    }
    if (scan.torn && isTorn) {
      tornBytes = scan.torn.to - scan.torn.from;
      await cut(segment, scan.torn.from, logger);
    }
    bytes += segment.sizeBytes;
    progress(index + 1, 0);
  }
  return { segments: segments.length, frames, bytes, tornBytes, damaged, setAsideFrames, quarantined, lastSegment: segments.at(-1)?.sequence ?? 0 };
}

/** Keeps the whole segment, as a second name of the same file: needs no space, and outlives the release of the segment. Undefined when that failed. */
async function quarantine(dir: string, segment: SegmentFile, logger: Logger, found: Record<string, unknown>): Promise<string | undefined> {
  const target = path.join(quarantineDir(dir), path.basename(segment.path));
  try {
    await fs.mkdir(quarantineDir(dir), { recursive: true });
    const isNew = await fs.link(segment.path, target).then(
      () => true,
      async (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        // A file system without links.
        await fs.copyFile(segment.path, target, fs.constants.COPYFILE_EXCL);
        return true;
      },
    );
    if (isNew) logger.warn('wal: segment with unreadable frames set aside', { segment: segment.path, kept: target, ...found });
    return target;
  } catch (error) {
    logger.error('wal: segment with unreadable frames could not be set aside, it stays', { segment: segment.path, err: error, ...found });
    return undefined;
  }
}

async function cut(segment: SegmentFile, at: number, logger: Logger): Promise<void> {
  const fields = { segment: segment.path, at, bytes: segment.sizeBytes - at };
  try {
    await fs.truncate(segment.path, at);
    logger.info('wal: cut an unfinished write from the end', fields);
  } catch (error) {
    logger.warn('wal: an unfinished write at the end could not be cut', { ...fields, err: error });
  }
}
