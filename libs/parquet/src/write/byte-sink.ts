/** Where a file is written to, front to back. */
export interface ByteSink {
  /** Bytes written so far: the offset of the next byte. */
  readonly position: number;
  /** Appends all of `bytes`. They are borrowed for the call only. */
  write(bytes: Uint8Array): void;
}

/** A sink that keeps the file in memory. */
export class MemorySink implements ByteSink {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;

  get position(): number {
    return this.#length;
  }

  write(bytes: Uint8Array): void {
    const need = this.#length + bytes.length;
    if (need > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = need;
  }

  /** What was written. Borrows the sink's memory until the next write. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
