import type { ByteCursor } from './byte-cursor.ts';
import { unpackBits } from './unpack-bits.ts';

// DELTA_BINARY_PACKED. Source: parquet-format, Encodings.md, "Delta Encoding (DELTA_BINARY_PACKED = 5)".

const MAX_BLOCK = 1 << 16;
const MAX_MINIBLOCKS = 1 << 10;

interface DeltaHeader {
  readonly miniblocks: number;
  /** Values of one miniblock. */
  readonly size: number;
  readonly total: number;
}

function readHeader(cursor: ByteCursor, count: number): DeltaHeader {
  const block = cursor.uvarint32();
  const miniblocks = cursor.uvarint32();
  const total = cursor.uvarint32();
  if (block === 0 || block > MAX_BLOCK || miniblocks === 0 || miniblocks > MAX_MINIBLOCKS || block % miniblocks !== 0 || (block / miniblocks) % 8 !== 0)
    cursor.fail(`delta block of ${block} values in ${miniblocks} miniblocks`);
  if (total !== count) cursor.fail(`delta header announces ${total} values, ${count} are due`);
  return { miniblocks, size: block / miniblocks, total };
}

let scratch = new Uint32Array(256);

function scratchOf(size: number): Uint32Array {
  if (scratch.length < size) scratch = new Uint32Array(size);
  return scratch;
}

/**
 * Decodes `count` values modulo 2^32 into `out[at, …)` and leaves the cursor behind them. Serves INT32, lengths, and INT64 columns
 * whose values are known to be small: addition modulo 2^32 of the low words gives the low words.
 */
export function decodeDelta32(cursor: ByteCursor, count: number, out: Int32Array, at: number): void {
  const { miniblocks, size } = readHeader(cursor, count);
  cursor.zigzag64();
  if (count === 0) return;
  let value = cursor.low | 0;
  out[at] = value;
  let i = at + 1;
  const end = at + count;
  const packed = scratchOf(size);
  while (i < end) {
    cursor.zigzag64();
    const min = cursor.low | 0;
    const widths = cursor.take(miniblocks);
    for (let m = 0; m < miniblocks && i < end; m++) {
      const width = widths[m];
      const n = Math.min(size, end - i);
      if (width > 64) cursor.fail(`delta width of ${width} bits`);
      if (width === 0) {
        for (let j = 0; j < n; j++) out[i + j] = value = (value + min) | 0;
        i += n;
        continue;
      }
      const from = cursor.pos;
      cursor.need(Math.ceil((n * width) / 8));
      if (width <= 32) unpackBits(cursor.bytes, from, width, n, packed, 0);
      else unpackWide(cursor.bytes, from, width, n, packed, unused);
      for (let j = 0; j < n; j++) out[i + j] = value = (value + min + packed[j]) | 0;
      cursor.pos = Math.min(cursor.end, from + (size * width) / 8);
      i += n;
    }
  }
}

let scratchHigh = new Uint32Array(256);
const unused = new Uint32Array(0);

/** Decodes `count` 64-bit values as halves (low word first) into `out[2 * at, …)`. */
export function decodeDelta64(cursor: ByteCursor, count: number, out: Uint32Array, at: number): void {
  const { miniblocks, size } = readHeader(cursor, count);
  cursor.zigzag64();
  if (count === 0) return;
  let low = cursor.low;
  let high = cursor.high;
  let o = 2 * at;
  out[o++] = low;
  out[o++] = high;
  let left = count - 1;
  const packed = scratchOf(size);
  if (scratchHigh.length < size) scratchHigh = new Uint32Array(size);
  const packedHigh = scratchHigh;
  while (left > 0) {
    cursor.zigzag64();
    const minLow = cursor.low;
    const minHigh = cursor.high;
    const widths = cursor.take(miniblocks);
    for (let m = 0; m < miniblocks && left > 0; m++) {
      const width = widths[m];
      const n = Math.min(size, left);
      const from = cursor.pos;
      if (width > 64) cursor.fail(`delta width of ${width} bits`);
      cursor.need(Math.ceil((n * width) / 8));
      if (width <= 32) {
        unpackBits(cursor.bytes, from, width, n, packed, 0);
        // The sum of three words is exact in a double; what exceeds a word is the carry.
        for (let j = 0; j < n; j++) {
          const sum = low + minLow + packed[j];
          low = sum >>> 0;
          high = (high + minHigh + (sum - low) / 0x1_0000_0000) >>> 0;
          out[o++] = low;
          out[o++] = high;
        }
      } else {
        unpackWide(cursor.bytes, from, width, n, packed, packedHigh);
        for (let j = 0; j < n; j++) {
          const sum = low + minLow + packed[j];
          low = sum >>> 0;
          high = (high + minHigh + packedHigh[j] + (sum - low) / 0x1_0000_0000) >>> 0;
          out[o++] = low;
          out[o++] = high;
        }
      }
      cursor.pos = Math.min(cursor.end, from + (size * width) / 8);
      left -= n;
    }
  }
}

/** Widths of 33 to 64 bits, into halves. Writes to `high` beyond its length are dropped. */
function unpackWide(bytes: Uint8Array, from: number, width: number, count: number, low: Uint32Array, high: Uint32Array): void {
  const mask = width === 64 ? 0xffff_ffff : 2 ** (width - 32) - 1;
  for (let i = 0; i < count; i++) {
    const bit = i * width;
    low[i] = wordAt(bytes, from, bit);
    high[i] = wordAt(bytes, from, bit + 32) & mask;
  }
}

/** 32 bits at a bit offset; bytes past the end count as zero. */
function wordAt(bytes: Uint8Array, from: number, bit: number): number {
  const p = from + (bit >>> 3);
  const shift = bit & 7;
  const word = bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16) | (bytes[p + 3] << 24);
  return shift === 0 ? word : (word >>> shift) | (bytes[p + 4] << (32 - shift));
}
