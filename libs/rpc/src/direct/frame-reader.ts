import { AppError } from '@vivace/base';
import type { BodyPool } from './body-pool.ts';
import { HEADER_BYTES, HELLO_BYTES } from './protocol.ts';

export interface FrameHandler {
  /** Once, before all frames. */
  hello(bytes: Buffer): void;
  /** How long the body of a frame may be; undefined for a kind that there is not. */
  limit(kind: number): number | undefined;
  /** `body` is a view into what was read, or memory of the pool, which the handler may give back to it. */
  frame(kind: number, call: number, body: Buffer): void;
  /** A frame with a body longer than its limit has begun; its body is passed over. */
  tooLong(kind: number, call: number, bytes: number): void;
}

/** So much is reserved for a length that is only claimed; more as it comes. */
const FIRST_BYTES = 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** Finds frames in the bytes of a connection, however they are cut. A body that comes in one piece is not copied. */
export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #pool: BodyPool;
  /** A hello or a header that has not come whole. */
  readonly #begun = Buffer.alloc(Math.max(HEADER_BYTES, HELLO_BYTES));
  #begunBytes = 0;
  #isOpen = false;
  #kind = 0;
  #call = 0;
  /** Of the body that has begun: undefined between frames, and while one is passed over. */
  #body: Buffer | undefined;
  #bodyBytes = 0;
  /** Of the body, not yet come. */
  #left = 0;

  constructor(handler: FrameHandler, pool: BodyPool) {
    this.#handler = handler;
    this.#pool = pool;
  }

  /** Hands over all frames that end in `chunk`. What they are given may be views into it. Throws an AppError when this is no such connection, and is of no use then. */
  read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) at = this.#readBody(chunk, at);
      else {
        const wanted = this.#isOpen ? HEADER_BYTES : HELLO_BYTES;
        const to = Math.min(chunk.length, at + wanted - this.#begunBytes);
        chunk.copy(this.#begun, this.#begunBytes, at, to);
        this.#begunBytes += to - at;
        at = to;
        if (this.#begunBytes < wanted) return;
        this.#begunBytes = 0;
        if (this.#isOpen) at = this.#begin(chunk, at);
        else {
          this.#isOpen = true;
          this.#handler.hello(this.#begun.subarray(0, HELLO_BYTES));
        }
      }
    }
  }

  /** Lets go of a body that will not come whole. */
  end(): void {
    if (this.#body) this.#pool.give(this.#body);
    this.#body = undefined;
    this.#left = 0;
  }

  #begin(chunk: Buffer, at: number): number {
    const length = this.#begun.readUInt32LE(0);
    this.#kind = this.#begun[4];
    this.#call = this.#begun.readUInt32LE(5);
    const limit = this.#handler.limit(this.#kind);
    if (limit === undefined) throw new AppError('invalid_argument', `rpc: frame of kind ${this.#kind} is unknown`);
    if (length > limit) {
      this.#left = length;
      this.#handler.tooLong(this.#kind, this.#call, length);
    } else if (chunk.length - at >= length) {
      this.#handler.frame(this.#kind, this.#call, length === 0 ? NOTHING : chunk.subarray(at, at + length));
      return at + length;
    } else {
      this.#left = length;
      this.#bodyBytes = 0;
      this.#body = this.#pool.take(Math.min(length, FIRST_BYTES));
    }
    return at;
  }

  #readBody(chunk: Buffer, at: number): number {
    const to = Math.min(chunk.length, at + this.#left);
    this.#left -= to - at;
    if (!this.#body) return to;
    if (this.#bodyBytes + to - at > this.#body.length) this.#grow(this.#bodyBytes + to - at);
    chunk.copy(this.#body, this.#bodyBytes, at, to);
    this.#bodyBytes += to - at;
    if (this.#left === 0) {
      const body = this.#body.subarray(0, this.#bodyBytes);
      this.#body = undefined;
      this.#handler.frame(this.#kind, this.#call, body);
    }
    return to;
  }

  #grow(wanted: number): void {
    const before = this.#body!; // the caller has one
    const size = Math.min(wanted + this.#left, Math.max(wanted, before.length * 2));
    this.#body = this.#pool.take(size);
    before.copy(this.#body, 0, 0, this.#bodyBytes);
    this.#pool.give(before);
  }
}
