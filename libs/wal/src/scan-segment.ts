import fs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { FileWindow, ReadFailure } from './file-window.ts';
import {
  decodeFrameLength,
  decodeSegmentHeader,
  FRAME_HEAD_BYTES,
  FRAME_PREFIX_BYTES,
  isCutShortHeader,
  isFrameBodyIntact,
  MARKER_BYTES,
  SEGMENT_HEADER_BYTES,
  SEGMENT_VERSION,
} from './frame.ts';
import type { SegmentFile } from './segment-files.ts';

/** A frame as it is handed out. `payload` is borrowed until the handler's promise resolves. */
export interface Frame {
  readonly tenant: string;
  readonly kind: number;
  readonly payload: Uint8Array;
  readonly segment: number;
  readonly offset: number;
}

/** Offsets in a segment file, `to` exclusive. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

export interface SegmentScan {
  /** Stretches without a readable frame. Frames around them were handed out. */
  readonly damaged: readonly ByteRange[];
  /** What an interrupted write left at the end: the beginning of a frame, or only zeros. */
  readonly torn: (ByteRange & { readonly zeros: boolean }) | undefined;
}

export interface SegmentVisitor {
  onFrame(frame: Frame): void | Promise<void>;
  /** Now and then, with the offset reached. */
  onProgress(offset: number): void;
}

/**
 * Hands out the readable frames of one segment in order. Linear time whatever the bytes are: a body is read only
 * for a head whose own checksum holds, and after damage the next head is found by searching for the marker.
 * Unreadable bytes and segments of another version count as damage. Rejects only when the visitor does.
 * `fallback` is the marker to look for when the segment's own header is damaged.
 */
export async function scanSegment(
  segment: SegmentFile,
  fallback: Uint8Array | undefined,
  maxFrameBytes: number,
  visitor: SegmentVisitor,
): Promise<SegmentScan> {
  let file: FileHandle;
  try {
    file = await fs.open(segment.path, 'r');
  } catch {
    return { damaged: [{ from: 0, to: segment.sizeBytes }], torn: undefined };
  }
  const scanner = new SegmentScanner(segment.sequence, new FileWindow(file, segment.sizeBytes), maxFrameBytes, visitor);
  try {
    return await scanner.scan(fallback);
  } catch (error) {
    if (error instanceof ReadFailure) return scanner.unreadable();
    throw error;
  } finally {
    await file.close();
  }
}

/** No frame here. */
const BAD = -1;
/** A frame begins here, but the file ends before it does. */
const CUT_SHORT = -2;
const PROGRESS_BYTES = 8 * 1024 * 1024;
const EMPTY = new Uint8Array(0);

class SegmentScanner {
  readonly #sequence: number;
  readonly #window: FileWindow;
  readonly #size: number;
  readonly #maxFrameBytes: number;
  readonly #visitor: SegmentVisitor;
  readonly #damaged: ByteRange[] = [];
  #marker: Uint8Array = EMPTY;
  #at = 0;
  /** Where the stretch without frames that `#at` is in began; -1 outside of one. */
  #damageFrom = -1;
  /** The first frame in that stretch that the end of the file cuts short; -1 when there is none. */
  #tornFrom = -1;

  constructor(sequence: number, window: FileWindow, maxFrameBytes: number, visitor: SegmentVisitor) {
    this.#sequence = sequence;
    this.#window = window;
    this.#size = window.sizeBytes;
    this.#maxFrameBytes = maxFrameBytes;
    this.#visitor = visitor;
  }

  async scan(fallback: Uint8Array | undefined): Promise<SegmentScan> {
    if (!(await this.#begin(fallback))) return this.#finish();
    let reported = 0;
    while (this.#at < this.#size) {
      const length = await this.#checkFrame(this.#at);
      if (length >= 0) await this.#visit(length);
      else await this.#skip(length);
      if (this.#at - reported >= PROGRESS_BYTES) {
        reported = this.#at;
        this.#visitor.onProgress(reported);
      }
    }
    return this.#finish();
  }

  /** The result when reading failed at the current offset. */
  unreadable(): SegmentScan {
    this.#damaged.push({ from: this.#damageFrom < 0 ? this.#at : this.#damageFrom, to: this.#size });
    return { damaged: this.#damaged, torn: undefined };
  }

  /** Finds out the marker and where frames may begin; false when there is nothing to look for. */
  async #begin(fallback: Uint8Array | undefined): Promise<boolean> {
    await this.#window.load(0, Math.min(this.#size, SEGMENT_HEADER_BYTES + FRAME_HEAD_BYTES));
    const start = this.#window.bytes.subarray(0, Math.min(this.#size, SEGMENT_HEADER_BYTES));
    const header = decodeSegmentHeader(start);
    if (header?.version === SEGMENT_VERSION) {
      this.#marker = header.marker;
      this.#at = SEGMENT_HEADER_BYTES;
      return true;
    }
    if (this.#size === 0) return false;
    this.#damageFrom = 0;
    if (header) return false;
    if (isCutShortHeader(start)) {
      this.#tornFrom = 0;
      return false;
    }
    const marker = fallback ?? this.#markerOfFirstFrame();
    if (marker) this.#marker = marker;
    return marker !== undefined;
  }

  #markerOfFirstFrame(): Uint8Array | undefined {
    if (!this.#window.has(SEGMENT_HEADER_BYTES, FRAME_HEAD_BYTES)) return undefined;
    const marker = this.#window.bytes.slice(SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES + MARKER_BYTES);
    return decodeFrameLength(this.#window.bytes, SEGMENT_HEADER_BYTES, marker) >= 0 ? marker : undefined;
  }

  /** Body length of the undamaged frame at `at`, which the window then holds, or BAD or CUT_SHORT. */
  async #checkFrame(at: number): Promise<number> {
    const window = this.#window;
    const rest = this.#size - at;
    await window.load(at, Math.min(rest, FRAME_HEAD_BYTES));
    if (rest < FRAME_HEAD_BYTES) return startsWith(window.bytes, at - window.base, this.#marker, rest) ? CUT_SHORT : BAD;
    const length = decodeFrameLength(window.bytes, at - window.base, this.#marker);
    if (length < 2 || FRAME_HEAD_BYTES + length > this.#maxFrameBytes) return BAD;
    if (FRAME_HEAD_BYTES + length > rest) return CUT_SHORT;
    await window.load(at, FRAME_HEAD_BYTES + length);
    return isFrameBodyIntact(window.bytes, at - window.base, length) ? length : BAD;
  }

  async #visit(length: number): Promise<void> {
    const at = this.#at;
    if (this.#damageFrom >= 0) {
      this.#damaged.push({ from: this.#damageFrom, to: at });
      this.#damageFrom = -1;
      this.#tornFrom = -1;
    }
    const { bytes } = this.#window;
    const start = at - this.#window.base;
    const payloadAt = start + FRAME_PREFIX_BYTES + bytes[start + FRAME_HEAD_BYTES + 1];
    const end = start + FRAME_HEAD_BYTES + length;
    const done = this.#visitor.onFrame({
      tenant: String.fromCharCode(...bytes.subarray(start + FRAME_PREFIX_BYTES, payloadAt)),
      kind: bytes[start + FRAME_HEAD_BYTES],
      payload: bytes.subarray(payloadAt, end),
      segment: this.#sequence,
      offset: at,
    });
    if (done) await done;
    this.#at = at + FRAME_HEAD_BYTES + length;
  }

  /** Moves on to the next marker. */
  async #skip(reason: number): Promise<void> {
    if (this.#damageFrom < 0) this.#damageFrom = this.#at;
    if (reason === CUT_SHORT && this.#tornFrom < 0) this.#tornFrom = this.#at;
    const window = this.#window;
    let from = this.#at + 1;
    while (from + MARKER_BYTES <= this.#size) {
      await window.load(from, MARKER_BYTES);
      const found = window.find(this.#marker, from);
      if (found >= 0) {
        this.#at = found;
        return;
      }
      from = window.end - MARKER_BYTES + 1;
    }
    this.#at = this.#size;
  }

  async #finish(): Promise<SegmentScan> {
    if (this.#damageFrom < 0) return { damaged: this.#damaged, torn: undefined };
    const tail = { from: this.#damageFrom, to: this.#size };
    if (this.#tornFrom >= 0) {
      if (this.#tornFrom > tail.from) this.#damaged.push({ from: tail.from, to: this.#tornFrom });
      return { damaged: this.#damaged, torn: { from: this.#tornFrom, to: this.#size, zeros: false } };
    }
    if (await this.#isZero(tail)) return { damaged: this.#damaged, torn: { ...tail, zeros: true } };
    return { damaged: [...this.#damaged, tail], torn: undefined };
  }

  async #isZero(range: ByteRange): Promise<boolean> {
    let at = range.from;
    while (at < range.to) {
      await this.#window.load(at, 1);
      const { bytes, base, end } = this.#window;
      for (; at < end; at++) if (bytes[at - base] !== 0) return false;
    }
    return true;
  }
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array, rest: number): boolean {
  const n = Math.min(prefix.length, rest);
  for (let i = 0; i < n; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}
