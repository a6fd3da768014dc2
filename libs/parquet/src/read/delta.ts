import type { ByteCursor } from './byte-cursor.ts';
import { unpackBits, wordAt } from './unpack-bits.ts';

// DELTA_BINARY_PACKED. Source: parquet-format, Encodings.md, "Delta Encoding (DELTA_BINARY_PACKED = 5)".

const MAX_BLOCK = 1 << 16;
const MAX_MINIBLOCKS = 1 << 10;

interface DeltaHeader {
  readonly miniblocks: number;
  /** Values of one miniblock. */
  readonly size: number;
}

function readHeader(cursor: ByteCursor, due: number): DeltaHeader {
  const block = cursor.uvarint32();
  const miniblocks = cursor.uvarint32();
  const total = cursor.uvarint32();
  if (block === 0 || block > MAX_BLOCK || miniblocks === 0 || miniblocks > MAX_MINIBLOCKS || block % miniblocks !== 0 || (block / miniblocks) % 8 !== 0)
    cursor.fail(`delta block of ${block} values in ${miniblocks} miniblocks`);
  if (total !== due) cursor.fail(`delta header announces ${total} values, ${due} are due`);
  return { miniblocks, size: block / miniblocks };
}

let scratch = new Uint32Array(256);

function scratchOf(size: number): Uint32Array {
  if (scratch.length < size) scratch = new Uint32Array(size);
  return scratch;
}

/**
 * Decodes the first `count` of `due` values modulo 2^32 into `out[at, …)`; when they are all, the cursor is left behind them. Serves INT32, lengths, and INT64 columns
 * whose values are known to be small: addition modulo 2^32 of the low words gives the low words.
 */
export function decodeDelta32(cursor: ByteCursor, count: number, out: Int32Array, at: number, due = count): void {
  const { miniblocks, size } = readHeader(cursor, due);
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
      if (width <= 32) unpackBits(cursor.view, from, 0, width, n, packed, 0);
      else unpackWide(cursor.view, from, width, n, packed, unused);
      for (let j = 0; j < n; j++) out[i + j] = value = (value + min + packed[j]) | 0;
      cursor.pos = Math.min(cursor.end, from + (size * width) / 8);
      i += n;
    }
  }
}

let scratchHigh = new Uint32Array(256);
const unused = new Uint32Array(0);

/** Decodes the first `count` of `due` 64-bit values as halves (low word first) into `out[2 * at, …)`. */
export function decodeDelta64(cursor: ByteCursor, count: number, out: Uint32Array, at: number, due = count): void {
  const { miniblocks, size } = readHeader(cursor, due);
  cursor.zigzag64();
  if (count === 0) return;
  let low = cursor.low | 0;
  let high = cursor.high | 0;
  let o = 2 * at;
  out[o++] = low;
  out[o++] = high;
  let left = count - 1;
  const packed = scratchOf(size);
  if (scratchHigh.length < size) scratchHigh = new Uint32Array(size);
  const packedHigh = scratchHigh;
  while (left > 0) {
    cursor.zigzag64();
    const minLow = cursor.low | 0;
    const minHigh = cursor.high | 0;
    const widths = cursor.take(miniblocks);
    for (let m = 0; m < miniblocks && left > 0; m++) {
      const width = widths[m];
      const n = Math.min(size, left);
      const from = cursor.pos;
      if (width > 64) cursor.fail(`delta width of ${width} bits`);
      cursor.need(Math.ceil((n * width) / 8));
      // A sum that is below what was added has carried.
      if (width <= 32) {
        unpackBits(cursor.view, from, 0, width, n, packed, 0);
        for (let j = 0; j < n; j++) {
          const delta = packed[j] | 0;
          const sum = (low + minLow) | 0;
          low = (sum + delta) | 0;
          high = (high + minHigh + +(sum >>> 0 < minLow >>> 0) + +(low >>> 0 < delta >>> 0)) | 0;
          out[o++] = low;
          out[o++] = high;
        }
      } else {
        unpackWide(cursor.view, from, width, n, packed, packedHigh);
        for (let j = 0; j < n; j++) {
          const delta = packed[j] | 0;
          const sum = (low + minLow) | 0;
          low = (sum + delta) | 0;
          high = (high + minHigh + (packedHigh[j] | 0) + +(sum >>> 0 < minLow >>> 0) + +(low >>> 0 < delta >>> 0)) | 0;
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
function unpackWide(view: DataView, from: number, width: number, count: number, low: Uint32Array, high: Uint32Array): void {
  const mask = width === 64 ? -1 : (1 << (width - 32)) - 1;
  for (let i = 0, bit = 0; i < count; i++, bit += width) {
    const p = from + (bit >>> 3);
    const shift = bit & 7;
    if (p + 9 > view.byteLength) {
      low[i] = wordAt(view, from, bit);
      high[i] = wordAt(view, from, bit + 32) & mask;
      continue;
    }
    const middle = view.getUint32(p + 4, true);
    low[i] = (view.getUint32(p, true) >>> shift) | ((middle << 1) << (31 - shift));
    high[i] = ((middle >>> shift) | ((view.getUint8(p + 8) << 1) << (31 - shift))) & mask;
  }
}
