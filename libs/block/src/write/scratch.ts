const CHUNK_BYTES = 1 << 22;

/**
 * Short-lived typed arrays from memory that is used again and again: fresh ones would cost page faults and garbage collections worth a fifth of the
 * encoder's time. Works as a stack: what was taken after a `mark` is given back by `release`. Contents are undefined unless said.
 */
export class Scratch {
  readonly #chunks: ArrayBuffer[] = [];
  #chunk = -1;
  #used = CHUNK_BYTES;
  #size = 0;

  u32(n: number): Uint32Array {
    const at = this.#take(n * 4);
    return new Uint32Array(this.#chunks[this.#chunk], at, n);
  }

  /** All zero. */
  zeros(n: number): Uint32Array {
    return this.u32(n).fill(0);
  }

  i32(n: number): Int32Array {
    const at = this.#take(n * 4);
    return new Int32Array(this.#chunks[this.#chunk], at, n);
  }

  u8(n: number): Uint8Array {
    const at = this.#take(n);
    return new Uint8Array(this.#chunks[this.#chunk], at, n);
  }

  /** A position for `release`. */
  mark(): number {
    return this.#chunk * 2 ** 32 + this.#used;
  }

  /** Gives back all arrays taken since `mark`; they must not be used any more. */
  release(mark: number): void {
    this.#chunk = Math.floor(mark / 2 ** 32);
    this.#used = mark - this.#chunk * 2 ** 32;
    this.#size = this.#chunk < 0 ? 0 : this.#chunks[this.#chunk].byteLength;
  }

  /** Reserves bytes in the current chunk; returns their offset, a multiple of 8. */
  #take(bytes: number): number {
    const size = (bytes + 7) & ~7;
    while (this.#chunk < 0 || this.#used + size > this.#size) {
      this.#chunk++;
      this.#used = 0;
      // A chunk that is too small for this array is skipped until the next release.
      if (this.#chunk === this.#chunks.length) this.#chunks.push(new ArrayBuffer(Math.max(CHUNK_BYTES, size)));
      this.#size = this.#chunks[this.#chunk].byteLength;
    }
    const at = this.#used;
    this.#used += size;
    return at;
  }
}
