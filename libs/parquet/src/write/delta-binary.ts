// DELTA_BINARY_PACKED (parquet-format, Encodings.md): blocks of 128 deltas in four mini-blocks of 32, as parquet-go writes them.
// 64-bit integers are pairs of 32-bit halves throughout: additions modulo 2^64 need no bigint.
import type { ByteBuffer } from './byte-buffer.ts';

const BLOCK = 128;
const MINI = 32;
const low = new Uint32Array(BLOCK);
const high = new Uint32Array(BLOCK);

function header(count: number, out: ByteBuffer): void {
  out.varint(BLOCK);
  out.varint(BLOCK / MINI);
  out.varint(count);
}

/** int64 values `[from, to)` given as halves: low word at `2 * i`, high word at `2 * i + 1`. */
export function encodeDelta64(halves: Uint32Array, from: number, to: number, out: ByteBuffer): void {
  header(to - from, out);
  if (from === to) {
    out.u8(0);
    return;
  }
  let previousLow = halves[2 * from];
  let previousHigh = halves[2 * from + 1];
  zigzag64(previousLow, previousHigh, out);
  for (let at = from + 1; at < to; at += BLOCK) {
    const n = Math.min(BLOCK, to - at);
    let minLow = 0xffffffff;
    let minHigh = 0x7fffffff;
    for (let j = 0, i = 2 * at; j < n; j++, i += 2) {
      const l = halves[i];
      const h = halves[i + 1];
      const dl = (l - previousLow) >>> 0;
      const dh = (h - previousHigh - (l < previousLow ? 1 : 0)) | 0;
      low[j] = dl;
      high[j] = dh;
      if (dh < minHigh || (dh === minHigh && dl < minLow)) {
        minHigh = dh;
        minLow = dl;
      }
      previousLow = l;
      previousHigh = h;
    }
    zigzag64(minLow, minHigh >>> 0, out);
    for (let j = 0; j < n; j++) {
      const l = low[j];
      low[j] = l - minLow;
      high[j] = high[j] - minHigh - (l < minLow ? 1 : 0);
    }
    low.fill(0, n);
    high.fill(0, n);
    packBlock(n, out);
  }
}

/** int32 values `[from, to)`. */
export function encodeDelta32(values: Int32Array, from: number, to: number, out: ByteBuffer): void {
  header(to - from, out);
  if (from === to) {
    out.u8(0);
    return;
  }
  let previous = values[from];
  zigzag32(previous, out);
  high.fill(0);
  for (let at = from + 1; at < to; at += BLOCK) {
    const n = Math.min(BLOCK, to - at);
    let min = 0x7fffffff;
    for (let j = 0; j < n; j++) {
      const v = values[at + j];
      const delta = (v - previous) | 0;
      low[j] = delta;
      if (delta < min) min = delta;
      previous = v;
    }
    zigzag32(min, out);
    for (let j = 0; j < n; j++) low[j] = low[j] - min;
    low.fill(0, n);
    packBlock(n, out);
  }
}

/** Bit widths of the mini-blocks, then those that hold values. Mini-blocks past the last value have width 0 and no data. */
function packBlock(n: number, out: ByteBuffer): void {
  out.ensure(BLOCK * 8 + 8);
  const widthsAt = out.length;
  out.length += BLOCK / MINI;
  for (let m = 0; m < BLOCK / MINI; m++) {
    let orLow = 0;
    let orHigh = 0;
    for (let j = m * MINI; j < (m + 1) * MINI; j++) {
      orLow |= low[j];
      orHigh |= high[j];
    }
    const width = m * MINI >= n ? 0 : orHigh !== 0 ? 64 - Math.clz32(orHigh) : 32 - Math.clz32(orLow);
    out.bytes[widthsAt + m] = width;
    if (width === 0) continue;
    if (width <= 32) packMini32(m * MINI, width, out);
    else packMini64(m * MINI, width, out);
  }
}

/** 32 values of up to 32 bits: always a whole number of words. */
function packMini32(from: number, width: number, out: ByteBuffer): void {
  const { bytes } = out;
  let at = out.length;
  let acc = 0;
  let used = 0;
  for (let j = from; j < from + MINI; j++) {
    const v = low[j];
    acc |= v << used;
    used += width;
    if (used >= 32) {
      bytes[at] = acc;
      bytes[at + 1] = acc >>> 8;
      bytes[at + 2] = acc >>> 16;
      bytes[at + 3] = acc >>> 24;
      at += 4;
      used -= 32;
      acc = used === 0 ? 0 : v >>> (width - used);
    }
  }
  out.length = at;
}

function packMini64(from: number, width: number, out: ByteBuffer): void {
  const { bytes } = out;
  const upper = width - 32;
  let at = out.length;
  let acc = 0;
  let used = 0;
  for (let j = from; j < from + MINI; j++) {
    for (let half = 0; half < 2; half++) {
      const v = half === 0 ? low[j] : high[j];
      const bits = half === 0 ? 32 : upper;
      acc |= v << used;
      used += bits;
      if (used >= 32) {
        bytes[at] = acc;
        bytes[at + 1] = acc >>> 8;
        bytes[at + 2] = acc >>> 16;
        bytes[at + 3] = acc >>> 24;
        at += 4;
        used -= 32;
        acc = used === 0 ? 0 : v >>> (bits - used);
      }
    }
  }
  out.length = at;
}

function zigzag32(value: number, out: ByteBuffer): void {
  out.varint(((value << 1) ^ (value >> 31)) >>> 0);
}

function zigzag64(l: number, h: number, out: ByteBuffer): void {
  const sign = (h | 0) >> 31;
  let zl = ((l << 1) ^ sign) >>> 0;
  let zh = (((h << 1) | (l >>> 31)) ^ sign) >>> 0;
  out.ensure(10);
  while (zh !== 0 || zl >= 0x80) {
    out.bytes[out.length++] = (zl & 0x7f) | 0x80;
    zl = ((zl >>> 7) | (zh << 25)) >>> 0;
    zh >>>= 7;
  }
  out.bytes[out.length++] = zl;
}
