/**
 * Unpacks `count` little-endian bit-packed numbers of `width` ≤ 32 bits, the first at bit `bit` of `view` from byte `from`, into `out[at, …)`.
 * Borrows `view`; the caller has checked that the bits are there.
 */
export function unpackBits(view: DataView, from: number, bit: number, width: number, count: number, out: Uint32Array, at: number): void {
  if (width === 0) {
    out.fill(0, at, at + count);
    return;
  }
  // A number is cut out of one unaligned 32-bit load, or of a load and the byte after it. Loads that would pass the end of the bytes are
  // left to the slow loop.
  const mask = width === 32 ? -1 : (1 << width) - 1;
  const reach = width <= 25 ? 4 : 5;
  const safe = Math.min(count, Math.floor(((view.byteLength - reach - from) * 8 - bit) / width));
  let i = 0;
  if (width <= 25) for (; i < safe; i++, bit += width) out[at + i] = (view.getUint32(from + (bit >>> 3), true) >>> (bit & 7)) & mask;
  else
    for (; i < safe; i++, bit += width) {
      const p = from + (bit >>> 3);
      const shift = bit & 7;
      // Shifting by 32 is shifting by 0: the byte after is shifted in two steps.
      out[at + i] = ((view.getUint32(p, true) >>> shift) | ((view.getUint8(p + 4) << 1) << (31 - shift))) & mask;
    }
  for (; i < count; i++, bit += width) out[at + i] = wordAt(view, from, bit) & mask;
}

/** 32 bits at a bit offset; bytes past the end count as zero. */
export function wordAt(view: DataView, from: number, bit: number): number {
  const p = from + (bit >>> 3);
  const shift = bit & 7;
  const byte = (i: number): number => (p + i < view.byteLength ? view.getUint8(p + i) : 0);
  const word = byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24);
  return shift === 0 ? word : (word >>> shift) | (byte(4) << (32 - shift));
}
