import { AppError } from '@vivace/base';

/** gRPC messages stay below it, whatever a peer has configured: https://grpc.io/docs/guides/ sets 4 MiB. */
const FRAME_BYTES = 1_000_000;
const MORE = 1;
const LAST = 0;

/** Cuts bytes into messages: a byte that says whether more follow, then the part. */
export function* toFrames(bytes: Uint8Array, frameBytes = FRAME_BYTES): Generator<Uint8Array> {
  let at = 0;
  do {
    const to = Math.min(bytes.length, at + frameBytes);
    const frame = new Uint8Array(to - at + 1);
    frame[0] = to < bytes.length ? MORE : LAST;
    frame.set(bytes.subarray(at, to), 1);
    yield frame;
    at = to;
  } while (at < bytes.length);
}

/** Puts messages together again: one result for each series of frames. Refuses more than `maxBytes` with `resource_exhausted`. */
export class FrameJoiner {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The bytes when `frame` was the last, else undefined. Keeps views into `frame` until then. */
  add(frame: Uint8Array): Uint8Array | undefined {
    if (frame.length === 0 || frame[0] > MORE) throw new AppError('invalid_argument', `rpc frame of ${frame.length} bytes has no mark`);
    this.#bytes += frame.length - 1;
    if (this.#bytes > this.#maxBytes) throw new AppError('resource_exhausted', `rpc message has more than ${this.#maxBytes} bytes`);
    this.#parts.push(frame.subarray(1));
    if (frame[0] === MORE) return undefined;
    const parts = this.#parts;
    const size = this.#bytes;
    this.#parts = [];
    this.#bytes = 0;
    if (parts.length === 1) return parts[0];
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }
}
