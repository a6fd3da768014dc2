import { setImmediate } from 'node:timers/promises';
import { crc32c } from '@node-rs/crc32';
import { uncompress, uncompressSync } from 'snappy';
import { assertFits, Output } from './output.ts';

/** The chunk that every framed stream begins with. */
const STREAM_IDENTIFIER = Buffer.from('\xff\x06\x00\x00sNaPpY', 'latin1');
/** Uncompressed bytes of a chunk. */
const MAX_CHUNK_BYTES = 65_536;

/**
 * What the OpenTelemetry Collector means by `snappy`: one block (https://github.com/google/snappy/blob/main/format_description.txt), or, from older
 * exporters, a framed stream, told apart by its first bytes. Throws an Error for anything else.
 */
export async function unsnappy(bytes: Uint8Array, maxBytes: number): Promise<Buffer> {
  if (STREAM_IDENTIFIER.equals(bytes.subarray(0, STREAM_IDENTIFIER.length))) return unsnappyFramed(bytes, maxBytes);
  // The library allocates what the block says.
  assertFits(blockSize(bytes, 0), maxBytes);
  // Memory of the library itself could not be moved to another thread.
  return (await uncompress(bytes, { asBuffer: true, copyOutputData: true })) as Buffer;
}

/**
 * A framed stream, or several one after the other (https://github.com/google/snappy/blob/main/framing_format.txt), checksums compared. Throws an
 * Error with the offset of what is wrong.
 */
export async function unsnappyFramed(bytes: Uint8Array, maxBytes: number): Promise<Buffer> {
  const out = new Output(bytes.length * 2, maxBytes);
  if (!STREAM_IDENTIFIER.equals(bytes.subarray(0, STREAM_IDENTIFIER.length))) throw new Error('no stream identifier at byte 0');
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 4) throw new Error(`cut off in the header of a chunk at byte ${at}`);
    const type = bytes[at];
    const from = at + 4;
    const to = from + (bytes[at + 1] | (bytes[at + 2] << 8) | (bytes[at + 3] << 16));
    if (to > bytes.length) throw new Error(`chunk at byte ${at} ends at byte ${to} of ${bytes.length}`);
    if (type <= 1) appendChunk(bytes.subarray(from, to), type === 0, at, out);
    else if (type < 0x80) throw new Error(`chunk of reserved type ${type} at byte ${at}`);
    else if (type === 0xff && !STREAM_IDENTIFIER.equals(bytes.subarray(at, to))) throw new Error(`wrong stream identifier at byte ${at}`);
    at = to;
    if (out.isTurnDue(at)) await setImmediate();
  }
  return out.since(0);
}

function appendChunk(chunk: Uint8Array, compressed: boolean, at: number, out: Output): void {
  if (chunk.length < 4) throw new Error(`chunk at byte ${at} has no checksum`);
  let data = chunk.subarray(4);
  const size = compressed ? blockSize(data, at + 8) : data.length;
  if (size > MAX_CHUNK_BYTES) throw new Error(`chunk at byte ${at} of ${size} bytes, more than ${MAX_CHUNK_BYTES}`);
  if (compressed) data = uncompressSync(data, { asBuffer: true }) as Buffer;
  const crc = crc32c(data);
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  const said = (chunk[0] | (chunk[1] << 8) | (chunk[2] << 16) | (chunk[3] << 24)) >>> 0;
  if (masked !== said) throw new Error(`checksum of the chunk at byte ${at} does not fit`);
  out.append(data, 0, data.length);
}

/** The size that a block says it decompresses to: a varint of 32 bits in front. `at` is the place of `block`, for the error. */
function blockSize(block: Uint8Array, at: number): number {
  let size = 0;
  for (let i = 0; i < 5 && i < block.length; i++) {
    size += (block[i] & 0x7f) * 2 ** (7 * i);
    if (block[i] < 0x80) return size;
  }
  throw new Error(`no size at byte ${at}`);
}
