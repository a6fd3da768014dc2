/** More comes out than may. Carries the code of node:zlib, so that one check covers all encodings. */
class OutputTooLarge extends RangeError {
  readonly code = 'ERR_BUFFER_TOO_LARGE';
}

/** Throws what node:zlib throws when `bytes` are more than `maxBytes`. */
export function assertFits(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new OutputTooLarge(`more than ${maxBytes} bytes`);
}

/** So much may be read and written before the event loop gets a turn. */
const TURN_BYTES = 1 << 20;

/** Bytes that grow to at most `maxBytes`, and throw as node:zlib does beyond. Memory is at most twice what is in it and `maxBytes`. */
export class Output {
  length = 0;
  #bytes: Uint8Array<ArrayBuffer>;
  readonly #maxBytes: number;
  #turn = 0;

  constructor(firstBytes: number, maxBytes: number) {
    this.#bytes = new Uint8Array(Math.min(Math.max(firstBytes, 64), maxBytes));
    this.#maxBytes = maxBytes;
  }

  /** Appends `bytes[from, to)`. */
  append(bytes: Uint8Array, from: number, to: number): void {
    const at = this.#reserve(to - from);
    if (to - from > 32) this.#bytes.set(bytes.subarray(from, to), at);
    else for (let i = 0; i < to - from; i++) this.#bytes[at + i] = bytes[from + i];
  }

  /** Appends `count` bytes, each the one `distance` (at least 1, at most the length) before it, so that what is appended may repeat itself. */
  repeat(distance: number, count: number): void {
    const at = this.#reserve(count);
    const bytes = this.#bytes;
    if (count > 32 && distance >= count) bytes.copyWithin(at, at - distance, at - distance + count);
    else for (let i = at; i < at + count; i++) bytes[i] = bytes[i - distance];
  }

  /** Whether the event loop should get a turn: a MiB has been written, or read (`read` counts from the beginning), since this last said so. */
  isTurnDue(read: number): boolean {
    const done = read + this.length;
    if (done < this.#turn + TURN_BYTES) return false;
    this.#turn = done;
    return true;
  }

  /** What has been appended since there were `from` bytes; borrowed until more is. */
  since(from: number): Buffer<ArrayBuffer> {
    return Buffer.from(this.#bytes.buffer, from, this.length - from);
  }

  #reserve(count: number): number {
    const at = this.length;
    const want = at + count;
    assertFits(want, this.#maxBytes);
    if (want > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(Math.max(want, this.#bytes.length * 2), this.#maxBytes));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
    }
    this.length = want;
    return at;
  }
}
