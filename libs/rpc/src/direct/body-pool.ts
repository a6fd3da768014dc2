const MIN_BYTES = 64 * 1024;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Memory for bodies that is used again: what passes through a process all day makes no garbage and touches no new pages. Powers of two between 64 KiB and 4 MiB; longer bodies
 * have memory of their own.
 */
export class BodyPool {
  readonly #maxIdleBytes: number;
  readonly #idle = new Map<number, ArrayBuffer[]>();
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #idleBytes = 0;

  constructor(maxIdleBytes: number) {
    this.#maxIdleBytes = maxIdleBytes;
  }

  /** At least so many bytes, with anything in them. */
  take(bytes: number): Buffer {
    if (bytes > MAX_BYTES) return Buffer.allocUnsafeSlow(bytes);
    let size = MIN_BYTES;
    while (size < bytes) size *= 2;
    let memory = this.#idle.get(size)?.pop();
    if (memory) this.#idleBytes -= size;
    else memory = Buffer.allocUnsafeSlow(size).buffer;
    this.#lent.add(memory);
    return Buffer.from(memory);
  }

  /** Takes back the memory of what `take` gave, or of a part of it; ignores other buffers. Nobody may look at it any more. */
  give({ buffer }: Buffer): void {
    if (!this.#lent.delete(buffer) || this.#idleBytes + buffer.byteLength > this.#maxIdleBytes) return;
    this.#idleBytes += buffer.byteLength;
    const idle = this.#idle.get(buffer.byteLength);
    if (idle) idle.push(buffer as ArrayBuffer);
    else this.#idle.set(buffer.byteLength, [buffer as ArrayBuffer]);
  }
}
