import type { Duplex } from 'node:stream';
import { AppError } from '@vivace/base';
import { WireWriter } from '@vivace/bytes';

// docs/format/gossip.md, "Streams": a length of four bytes, then so many bytes.

const LENGTH_BYTES = 4;
/** Looked at before the rest of a frame is waited for. */
const START_BYTES = 64;

export interface FrameReader {
  readonly maxBytes: number;
  /** Whether a frame that begins like this is worth reading; called with up to 64 bytes. */
  readonly mayAccept: (start: Uint8Array) => boolean;
  /** Told of every piece that is kept; false refuses the frame. */
  readonly onBuffered: (bytes: number) => boolean;
  readonly onFrame: (bytes: Uint8Array) => void;
  readonly onRefused: (reason: AppError) => void;
}

/** Reads one frame. Memory is taken as bytes arrive, never for a length that is only claimed. What follows the frame is ignored. */
export function readFrame(stream: Duplex, reader: FrameReader): void {
  let pieces: Buffer[] = [];
  let received = 0;
  let judged = false;
  const finish = (end: () => void): void => {
    stream.off('data', onData);
    stream.resume();
    pieces = [];
    end();
  };
  const refuse = (problem: string): void => finish(() => reader.onRefused(new AppError('invalid_argument', `gossip stream: ${problem}`)));
  const onData = (piece: Buffer): void => {
    pieces.push(piece);
    received += piece.length;
    if (!reader.onBuffered(piece.length)) return refuse('too much is being read at a time');
    if (received < LENGTH_BYTES) return;
    const length = gather(pieces, LENGTH_BYTES).readUInt32LE(0);
    if (length > reader.maxBytes) return refuse(`frame of ${length} bytes, limit ${reader.maxBytes}`);
    const enough = Math.min(length, START_BYTES) + LENGTH_BYTES;
    if (!judged) {
      const start = gather(pieces, Math.min(received, enough)).subarray(LENGTH_BYTES, enough);
      if (!reader.mayAccept(start)) return refuse('is of another cluster or protocol');
      judged = received >= enough;
    }
    if (received < LENGTH_BYTES + length) return;
    const frame = Buffer.concat(pieces).subarray(LENGTH_BYTES, LENGTH_BYTES + length);
    finish(() => reader.onFrame(frame));
  };
  stream.on('data', onData);
}

/** The first `n` bytes, which stay together as the first piece. */
function gather(pieces: Buffer[], n: number): Buffer {
  while (pieces[0].length < n) pieces.splice(0, 2, Buffer.concat([pieces[0], pieces[1]]));
  return pieces[0].subarray(0, n);
}

/** Returns the bytes written. */
export function writeFrame(stream: Duplex, bytes: Uint8Array): number {
  stream.write(new WireWriter(LENGTH_BYTES).u32(bytes.length).finish());
  stream.write(bytes);
  return LENGTH_BYTES + bytes.length;
}
