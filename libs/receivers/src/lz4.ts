import { setImmediate } from 'node:timers/promises';
import { assertFits, Output } from './output.ts';
import { xxh32 } from './xxh32.ts';

const MAGIC = 0x184d2204;
/** Sixteen magic numbers from here on: frames of other things. */
const SKIPPABLE = 0x184d2a50;

/**
 * Decompresses LZ4 frames, one or several, with or without checksums, sizes and blocks that refer to those before
 * (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md); skippable frames are skipped, frames that need a dictionary and those of the legacy
 * format refused. Throws an Error with the offset of what is wrong. The event loop gets turns between blocks, which have at most 4 MiB.
 */
export async function unlz4(bytes: Uint8Array, maxBytes: number): Promise<Buffer> {
  const out = new Output(bytes.length * 2, maxBytes);
  const cursor = new Cursor(bytes);
  do {
    const magic = cursor.uint32();
    if (magic === MAGIC) await readFrame(cursor, out, maxBytes);
    else if (magic >>> 4 === SKIPPABLE >>> 4) cursor.skip(cursor.uint32());
    else throw new Error(`no frame at byte ${cursor.at - 4}`);
  } while (cursor.at < bytes.length);
  return out.since(0);
}

async function readFrame(cursor: Cursor, out: Output, maxBytes: number): Promise<void> {
  const { bytes } = cursor;
  const header = cursor.skip(2);
  const flags = bytes[header];
  const sizeCode = (bytes[header + 1] >>> 4) & 7;
  if (flags >>> 6 !== 1 || (flags & 2) !== 0 || (bytes[header + 1] & 0x8f) !== 0 || sizeCode < 4)
    throw new Error(`frame of an unknown version at byte ${header}`);
  const [linked, blockChecksums, contentChecksum] = [(flags & 0x20) === 0, (flags & 0x10) !== 0, (flags & 4) !== 0];
  const contentSize = (flags & 8) === 0 ? undefined : cursor.uint32() + cursor.uint32() * 2 ** 32;
  if ((flags & 1) !== 0) throw new Error(`frame at byte ${header} needs a dictionary`);
  const descriptorEnd = cursor.skip(1);
  if (bytes[descriptorEnd] !== ((xxh32(bytes, header, descriptorEnd) >>> 8) & 0xff))
    throw new Error(`checksum of the frame header at byte ${header} does not fit`);
  const start = out.length;
  if (contentSize !== undefined) assertFits(start + contentSize, maxBytes);
  for (;;) {
    const word = cursor.uint32();
    if (word === 0) break;
    const from = cursor.skip(word & 0x7fffffff);
    const blockStart = out.length;
    if (word >>> 31 === 1) out.append(bytes, from, cursor.at);
    else appendBlock(bytes, from, cursor.at, out, linked ? start : blockStart);
    if (out.length - blockStart > 1 << (8 + 2 * sizeCode)) throw new Error(`block at byte ${from} is larger than its frame allows`);
    if (blockChecksums && xxh32(bytes, from, cursor.at) !== cursor.uint32()) throw new Error(`checksum of the block at byte ${from} does not fit`);
    if (out.isTurnDue(cursor.at)) await setImmediate();
  }
  if (contentSize !== undefined && contentSize !== out.length - start)
    throw new Error(`frame at byte ${header} has ${out.length - start} bytes, it says ${contentSize}`);
  if (contentChecksum && xxh32(out.since(start)) !== cursor.uint32()) throw new Error(`checksum of the frame at byte ${header} does not fit`);
}

/**
 * Appends what the block in `bytes[from, to)` says: sequences of literals and a reference to what came before, no farther back than `history`; the
 * last one of literals only (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md).
 */
function appendBlock(bytes: Uint8Array, from: number, to: number, out: Output, history: number): void {
  for (let at = from; at < to; ) {
    const token = bytes[at++];
    let literals = token >>> 4;
    if (literals === 15) {
      do literals += bytes[at] ?? 0;
      while (bytes[at++] === 255);
    }
    if (literals > to - at) throw new Error(`block ends within literals at byte ${at}`);
    out.append(bytes, at, at + literals);
    at += literals;
    if (at === to) return;
    const distance = bytes[at++] | (bytes[at++] << 8);
    let count = (token & 15) + 4;
    if (count === 19) {
      do count += bytes[at] ?? 0;
      while (bytes[at++] === 255);
    }
    if (at > to) break;
    if (distance === 0 || distance > out.length - history)
      throw new Error(`reference to ${distance} bytes back, ${out.length - history} are there, at byte ${at}`);
    out.repeat(distance, count);
  }
  throw new Error(`block at byte ${from} ends without literals`);
}

class Cursor {
  at = 0;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  uint32(): number {
    const at = this.skip(4);
    return (this.bytes[at] | (this.bytes[at + 1] << 8) | (this.bytes[at + 2] << 16) | (this.bytes[at + 3] << 24)) >>> 0;
  }

  /** Moves on by `count` bytes and returns where they begin. */
  skip(count: number): number {
    const { at } = this;
    if (count > this.bytes.length - at) throw new Error(`cut off at byte ${this.bytes.length}, ${count} bytes from ${at} on are due`);
    this.at += count;
    return at;
  }
}
