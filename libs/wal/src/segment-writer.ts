import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from './frame.ts';
import type { LogFile, LogFs } from './log-fs.ts';
import { segmentPath } from './segment-files.ts';

/**
 * One segment being written. A failed write leaves it usable when what was written of it could be cut off again;
 * a failed sync never does: the kernel may have dropped the pages and reports that only once.
 */
export class SegmentWriter {
  readonly sequence: number;
  readonly #file: LogFile;
  #sizeBytes = SEGMENT_HEADER_BYTES;
  #syncedBytes = 0;
  #usable = true;

  private constructor(sequence: number, file: LogFile) {
    this.sequence = sequence;
    this.#file = file;
  }

  /** Creates the file, writes its header and makes its name durable. Removes it again when any of that fails. */
  static async create(fs: LogFs, dir: string, sequence: number, marker: Uint8Array, createdMs: number): Promise<SegmentWriter> {
    const path = segmentPath(dir, sequence);
    const file = await fs.create(path);
    try {
      await writeAll(file, [encodeSegmentHeader(marker, createdMs)], 0);
      await fs.syncDir(dir);
      return new SegmentWriter(sequence, file);
    } catch (error) {
      await file.close().catch(() => undefined);
      await fs.unlink(path).catch(() => undefined);
      throw error;
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get usable(): boolean {
    return this.#usable;
  }

  /** Appends the buffers and, with `sync`, makes them durable; rejects with nothing of them left behind. Not to be called again before it is done. */
  async write(buffers: readonly Uint8Array[], sync: boolean): Promise<void> {
    const start = this.#sizeBytes;
    try {
      this.#sizeBytes = start + (await writeAll(this.#file, buffers, start));
      if (sync) await this.sync();
    } catch (error) {
      this.#sizeBytes = start;
      await this.#file.truncate(start).catch(() => {
        this.#usable = false;
      });
      throw error;
    }
  }

  /** Makes everything written before the call durable. May run beside `write`. */
  async sync(): Promise<void> {
    const upTo = this.#sizeBytes;
    if (upTo <= this.#syncedBytes) return;
    try {
      await this.#file.sync();
    } catch (error) {
      this.#usable = false;
      throw error;
    }
    this.#syncedBytes = Math.max(this.#syncedBytes, upTo);
  }

  /** Syncs unless the segment is unusable, then closes. */
  async close(): Promise<void> {
    try {
      if (this.#usable) await this.sync();
    } finally {
      await this.#file.close();
    }
  }
}

async function writeAll(file: LogFile, buffers: readonly Uint8Array[], position: number): Promise<number> {
  let rest = buffers;
  let total = 0;
  while (rest.length > 0) {
    const taken = await file.writev(rest, position + total);
    if (taken <= 0) throw Object.assign(new Error('write took no bytes'), { code: 'EIO' });
    total += taken;
    rest = dropBytes(rest, taken);
  }
  return total;
}

function dropBytes(buffers: readonly Uint8Array[], n: number): readonly Uint8Array[] {
  let first = 0;
  let left = n;
  while (first < buffers.length && left >= buffers[first].length) left -= buffers[first++].length;
  if (left === 0) return buffers.slice(first);
  return [buffers[first].subarray(left), ...buffers.slice(first + 1)];
}
