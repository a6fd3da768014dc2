import type { ByteCursor } from './byte-cursor.ts';
import { unpackBits } from './unpack-bits.ts';

// RLE/bit-packing hybrid. Source: parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)".

/** Reads the value of an RLE run of `width` bits. */
export function runValue(cursor: ByteCursor, width: number): number {
  let value = 0;
  for (let shift = 0; shift < width; shift += 8) value += cursor.byte() * 2 ** shift;
  return value;
}

/** The value that all `count` entries have when they are written as RLE runs of one value, else -1. Leaves the cursor where it stands. */
export function constantRun(cursor: ByteCursor, width: number, count: number): number {
  const start = cursor.pos;
  let constant = -1;
  let seen = 0;
  while (seen < count) {
    const header = cursor.uvarint32();
    if ((header & 1) === 1) break;
    const value = runValue(cursor, width);
    if (seen > 0 && value !== constant) break;
    constant = value;
    seen += header >>> 1;
    if (header === 0) cursor.fail('run of length 0');
  }
  cursor.pos = start;
  return seen >= count ? constant : -1;
}

/**
 * Decodes `count` levels of `width` ≤ 8 bits into `out[at, …)`. Runs are often no longer than eight entries, so the usual header of one byte
 * and the position are handled here, not by the cursor.
 */
export function decodeLevels(cursor: ByteCursor, width: number, count: number, out: Uint8Array, at: number): void {
  const { bytes } = cursor;
  const stop = cursor.end;
  const end = at + count;
  let pos = cursor.pos;
  let i = at;
  while (i < end) {
    let header = pos < stop ? bytes[pos++] : cursor.fail('levels end early');
    if (header >= 0x80) {
      cursor.pos = pos - 1;
      header = cursor.uvarint32();
      pos = cursor.pos;
    }
    const run = header >>> 1;
    if (run === 0) cursor.fail('run of length 0');
    if ((header & 1) === 0) {
      // Up to 8 bits: one byte.
      const value = pos < stop ? bytes[pos++] : cursor.fail('levels end early');
      const to = Math.min(i + run, end);
      // Most runs are a few entries long; fill() costs a call.
      if (to - i < 16) while (i < to) out[i++] = value;
      else out.fill(value, i, to);
      i = to;
      continue;
    }
    const wanted = Math.min(run * 8, end - i);
    if ((wanted * width + 7) >>> 3 > stop - pos) cursor.fail('levels end early');
    unpackLevels(bytes, pos, width, wanted, out, i);
    // Some writers leave out the bytes of the padding at the very end.
    pos = Math.min(pos + run * width, stop);
    i += wanted;
  }
  cursor.pos = pos;
}

/** Unpacks `count` levels of `width` ≤ 8 bits from byte `from` on into `out[at, …)`. */
export function unpackLevels(bytes: Uint8Array, from: number, width: number, count: number, out: Uint8Array, at: number): void {
  let p = from;
  let i = at;
  const whole = at + (count & ~7);
  if (width === 1) {
    for (; i < whole; i += 8) {
      const b = bytes[p++];
      out[i] = b & 1;
      out[i + 1] = (b >>> 1) & 1;
      out[i + 2] = (b >>> 2) & 1;
      out[i + 3] = (b >>> 3) & 1;
      out[i + 4] = (b >>> 4) & 1;
      out[i + 5] = (b >>> 5) & 1;
      out[i + 6] = (b >>> 6) & 1;
      out[i + 7] = b >>> 7;
    }
  } else if (width === 2) {
    for (; i < whole; i += 8, p += 2) {
      const b = bytes[p] | (bytes[p + 1] << 8);
      out[i] = b & 3;
      out[i + 1] = (b >>> 2) & 3;
      out[i + 2] = (b >>> 4) & 3;
      out[i + 3] = (b >>> 6) & 3;
      out[i + 4] = (b >>> 8) & 3;
      out[i + 5] = (b >>> 10) & 3;
      out[i + 6] = (b >>> 12) & 3;
      out[i + 7] = b >>> 14;
    }
  } else if (width === 3) {
    for (; i < whole; i += 8, p += 3) {
      const b = bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16);
      out[i] = b & 7;
      out[i + 1] = (b >>> 3) & 7;
      out[i + 2] = (b >>> 6) & 7;
      out[i + 3] = (b >>> 9) & 7;
      out[i + 4] = (b >>> 12) & 7;
      out[i + 5] = (b >>> 15) & 7;
      out[i + 6] = (b >>> 18) & 7;
      out[i + 7] = b >>> 21;
    }
  }
  const mask = (1 << width) - 1;
  for (let bit = 0; i < at + count; i++, bit += width) {
    const q = p + (bit >>> 3);
    out[i] = ((bytes[q] | (bytes[q + 1] << 8)) >>> (bit & 7)) & mask;
  }
}

/** Decodes the `count` dictionary ids of `width` ≤ 32 bits that follow the first `skip` into `out[at, …)`; fails when one is not below `size`. */
export function decodeIds(cursor: ByteCursor, width: number, skip: number, count: number, size: number, out: Uint32Array, at: number): void {
  const end = at + count;
  let i = at;
  let left = skip;
  while (i < end) {
    const header = cursor.uvarint32();
    const groups = header >>> 1;
    const run = (header & 1) === 0 ? groups : groups * 8;
    if (run === 0) cursor.fail('run of length 0');
    const skipped = Math.min(run, left);
    const length = Math.min(run - skipped, end - i);
    left -= skipped;
    if ((header & 1) === 0) {
      out.fill(runValue(cursor, width), i, i + length);
    } else {
      cursor.need(Math.ceil(((skipped + length) * width) / 8));
      unpackBits(cursor.view, cursor.pos, skipped * width, width, length, out, i);
      cursor.pos += Math.min(groups * width, cursor.end - cursor.pos);
    }
    i += length;
  }
  let max = 0;
  for (let j = at; j < end; j++) if (out[j] > max) max = out[j];
  if (count > 0 && max >= size) cursor.fail(`dictionary id ${max} of a dictionary of ${size}`);
}
