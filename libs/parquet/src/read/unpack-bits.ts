/**
 * Unpacks `count` little-endian bit-packed numbers of `width` ≤ 32 bits from `bytes[from, …)` into `out[at, …)`. Borrows `bytes`;
 * the caller has checked that `ceil(count * width / 8)` bytes are there.
 */
export function unpackBits(bytes: Uint8Array, from: number, width: number, count: number, out: Uint32Array, at: number): void {
  if (width === 0) {
    out.fill(0, at, at + count);
    return;
  }
  if (width === 8) {
    for (let i = 0; i < count; i++) out[at + i] = bytes[from + i];
    return;
  }
  // Up to 25 bits fit one unaligned 32-bit load whatever the bit offset; loads that would pass the end of the bytes are left to the slow loop.
  let i = 0;
  if (width <= 25) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const mask = 2 ** width - 1;
    const safe = Math.min(count, Math.floor(Math.max(0, (bytes.length - 4 - from) * 8) / width));
    for (let bit = 0; i < safe; i++, bit += width) out[at + i] = (view.getUint32(from + (bit >>> 3), true) >>> (bit & 7)) & mask;
  }
  for (; i < count; i++) {
    const bit = i * width;
    let p = from + Math.floor(bit / 8);
    let value = bytes[p] >>> (bit & 7);
    for (let have = 8 - (bit & 7); have < width; have += 8) value += bytes[++p] * 2 ** have;
    out[at + i] = width === 32 ? value : value & (2 ** width - 1);
  }
}
