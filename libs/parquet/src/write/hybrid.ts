// The RLE / bit-packed hybrid of Parquet (parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid").
// Two copies of the loop, for levels and for dictionary indices: one loop over both array types would not be monomorphic.
import type { ByteBuffer } from './byte-buffer.ts';

/** Bits needed for values up to `max`. */
export function bitWidth(max: number): number {
  return max === 0 ? 0 : 32 - Math.clz32(max);
}

/** One run of `count` equal values. */
export function encodeRun(value: number, count: number, width: number, out: ByteBuffer): void {
  out.varint(count * 2);
  for (let bits = 0; bits < width; bits += 8) out.u8(value >>> bits);
}

/** Levels `[from, to)`, each below `2 ** width`, width 1..3. */
export function encodeLevels(levels: Uint8Array, from: number, to: number, width: number, out: ByteBuffer): void {
  out.ensure(((to - from) >>> 3) * (width + 1) + 64);
  let at = from;
  while (at < to) {
    const run = levelRun(levels, at, to);
    if (run >= LEVEL_RUN || at + run === to) {
      encodeRun(levels[at], run, width, out);
      at += run;
      continue;
    }
    // Whole groups of eight up to the next run worth its own header.
    let end = at + 8;
    while (end < to && levelRun(levels, end, Math.min(to, end + LEVEL_RUN)) < LEVEL_RUN) end += 8;
    const groups = (end - at) >>> 3;
    out.varint(groups * 2 + 1);
    out.ensure(groups * width);
    const { bytes } = out;
    let length = out.length;
    for (let i = at; i < end; i += 8) {
      if (i + 8 <= to) {
        let low = levels[i] | (levels[i + 1] << width) | (levels[i + 2] << (2 * width)) | (levels[i + 3] << (3 * width));
        low |= (levels[i + 4] << (4 * width)) | (levels[i + 5] << (5 * width)) | (levels[i + 6] << (6 * width)) | (levels[i + 7] << (7 * width));
        for (let b = 0; b < width; b++) bytes[length++] = low >>> (8 * b);
      } else {
        let low = 0;
        for (let j = i; j < to; j++) low |= levels[j] << ((j - i) * width);
        for (let b = 0; b < width; b++) bytes[length++] = low >>> (8 * b);
      }
    }
    out.length = length;
    at = end;
  }
}

/** A shorter run of 1..3-bit values is cheaper inside a bit-packed stretch. */
const LEVEL_RUN = 24;

function levelRun(levels: Uint8Array, at: number, to: number): number {
  const first = levels[at];
  let i = at + 1;
  while (i < to && levels[i] === first) i++;
  return i - at;
}

/** Dictionary indices `[from, to)`, each below `2 ** width`, width 1..32. */
export function encodeIndices(indices: Uint32Array, from: number, to: number, width: number, out: ByteBuffer): void {
  const minRun = width >= 8 ? 8 : 16;
  out.ensure((to - from + 8) * 5 + 64);
  let at = from;
  while (at < to) {
    const run = indexRun(indices, at, to);
    if (run >= minRun || at + run === to) {
      encodeRun(indices[at], run, width, out);
      at += run;
      continue;
    }
    let end = at + 8;
    while (end < to && indexRun(indices, end, Math.min(to, end + minRun)) < minRun) end += 8;
    const groups = (end - at) >>> 3;
    out.varint(groups * 2 + 1);
    packIndices(indices, at, Math.min(end, to), groups * width, width, out);
    at = end;
  }
}

/** Packs values LSB first into exactly `size` bytes, zero padded. */
function packIndices(indices: Uint32Array, from: number, to: number, size: number, width: number, out: ByteBuffer): void {
  out.ensure(size + 8);
  const { bytes } = out;
  const end = out.length + size;
  let at = out.length;
  let acc = 0;
  let used = 0;
  for (let i = from; i < to; i++) {
    const v = indices[i];
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
  for (; used > 0; used -= 8, acc >>>= 8) bytes[at++] = acc;
  while (at < end) bytes[at++] = 0;
  out.length = end;
}

function indexRun(indices: Uint32Array, at: number, to: number): number {
  const first = indices[at];
  let i = at + 1;
  while (i < to && indices[i] === first) i++;
  return i - at;
}
