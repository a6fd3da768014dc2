import { AppError } from '@vivace/base';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads bytes a stranger may have written: never beyond the end, never allocates more than what is there, and everything of a variable
 * length has a limit that the caller names. Borrows `bytes`. Throws AppError `invalid_argument` at the first thing that is wrong.
 */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at = 0;

  /** `what` is the subject of errors: `gossip packet`. */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    this.#need(1);
    return this.#bytes[this.#at++];
  }

  u16(): number {
    return this.u8() | (this.u8() << 8);
  }

  u32(): number {
    return this.u16() + this.u16() * 0x1_0000;
  }

  /** At most `max`, in its shortest form only: two encodings of one value would make equal states look different. */
  varint(max: number, field: string): number {
    let value = 0;
    let unit = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * unit;
      if (value > max) throw this.error(`${field} is over ${max}`);
      if (byte < 0x80) {
        if (byte === 0 && unit > 1) throw this.error(`${field} is not in its shortest form`);
        return value;
      }
      unit *= 0x80;
      if (unit > Number.MAX_SAFE_INTEGER) throw this.error(`${field} is too long`);
    }
  }

  /** A view of the next `n` bytes. */
  raw(n: number): Uint8Array {
    this.#need(n);
    this.#at += n;
    return this.#bytes.subarray(this.#at - n, this.#at);
  }

  /** A view of a block of at most `max` bytes. */
  block(max: number, field: string): Uint8Array {
    return this.raw(this.varint(max, field));
  }

  text(maxBytes: number, field: string): string {
    const bytes = this.block(maxBytes, field);
    try {
      return utf8.decode(bytes);
    } catch {
      throw this.error(`${field} is not UTF-8`);
    }
  }

  /** Call when everything is read: what follows is not ours. */
  end(): void {
    if (this.left > 0) throw this.error(`${this.left} bytes follow its end`);
  }

  error(problem: string): AppError {
    return new AppError('invalid_argument', `${this.#what}: ${problem}`);
  }

  #need(n: number): void {
    if (n > this.left) throw this.error(`ends at byte ${this.#bytes.length}, want ${n - this.left} more`);
  }
}
