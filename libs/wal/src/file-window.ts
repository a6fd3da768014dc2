import type { FileHandle } from 'node:fs/promises';

/** The file could not be read where it should have bytes. */
export class ReadFailure extends Error {}

const READ_AHEAD_BYTES = 1024 * 1024;

/**
 * A moving window over a file: holds what is asked for and reads ahead. Its buffer grows to the longest stretch asked for, no further.
 * `bytes[at - base]` is the byte at file offset `at`, for the offsets that `load` promised and until the next `load`.
 */
export class FileWindow {
  readonly sizeBytes: number;
  readonly #file: FileHandle;
  #buffer = new Uint8Array(READ_AHEAD_BYTES);
  #base = 0;
  #length = 0;

  constructor(file: FileHandle, sizeBytes: number) {
    this.#file = file;
    this.sizeBytes = sizeBytes;
  }

  get bytes(): Uint8Array {
    return this.#buffer;
  }

  get base(): number {
    return this.#base;
  }

  /** File offset of the first `needle` at or after file offset `from`, or -1; looks at what is held only. */
  find(needle: Uint8Array, from: number): number {
    const held = Buffer.from(this.#buffer.buffer, 0, this.#length);
    const index = held.indexOf(needle, from - this.#base);
    return index < 0 ? -1 : this.#base + index;
  }

  /** File offset of the end of what is held. */
  get end(): number {
    return this.#base + this.#length;
  }

  has(at: number, n: number): boolean {
    return at >= this.#base && at + n <= this.#base + this.#length;
  }

  /** Holds `[at, at + n)`, which must lie within `sizeBytes`, and more when it is cheap. Rejects with a ReadFailure. */
  async load(at: number, n: number): Promise<void> {
    if (this.has(at, n)) return;
    const kept = at >= this.#base && at < this.end ? this.end - at : 0;
    const want = Math.min(Math.max(n, READ_AHEAD_BYTES), this.sizeBytes - at);
    const target = want > this.#buffer.length ? new Uint8Array(want) : this.#buffer;
    if (kept > 0) target.set(this.#buffer.subarray(at - this.#base, at - this.#base + kept));
    this.#buffer = target;
    this.#base = at;
    this.#length = kept;
    while (this.#length < want) {
      const { bytesRead } = await this.#file.read(target, this.#length, want - this.#length, at + this.#length).catch((cause: unknown) => {
        throw new ReadFailure(`read at ${this.end} failed`, { cause });
      });
      if (bytesRead === 0) throw new ReadFailure(`file ended at ${this.end}, expected ${this.sizeBytes} bytes`);
      this.#length += bytesRead;
    }
  }
}
