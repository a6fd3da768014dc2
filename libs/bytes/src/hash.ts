/** FNV-1 (not 1a) 32-bit of `bytes[from, to)`. Source: http://www.isthe.com/chongo/tech/comp/fnv/ */
export function fnv1(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let h = 0x811c9dc5;
  for (let i = from; i < to; i++) h = Math.imul(h, 0x01000193) ^ bytes[i];
  return h >>> 0;
}

/** FNV-1a 32-bit of `bytes[from, to)`. */
export function fnv1a(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let h = 0x811c9dc5;
  for (let i = from; i < to; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
  return h >>> 0;
}

/**
 * A fast 32-bit hash for in-memory tables (never persisted): eight bytes a step for long keys, murmur3 finaliser.
 */
export function hashBytes(bytes: Uint8Array, from: number, to: number): number {
  let h = (to - from) | 0;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    const k = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    h = Math.imul(h ^ k, 0x9e3779b1);
    h = (h << 13) | (h >>> 19);
  }
  for (; i < to; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
