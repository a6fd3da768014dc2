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
 * A fast 32-bit hash for in-memory tables (never persisted): four bytes a step, murmur3 finaliser. `seed` is secret where senders choose
 * the bytes: the rotation by bits of the hash itself keeps a difference from passing through whatever the seed is, so that keys which
 * collide cannot be made without knowing it.
 */
export function hashBytes(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let h = seed ^ (to - from);
  let i = from;
  for (; i + 4 <= to; i += 4) {
    const k = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    h = Math.imul(h ^ k, 0x9e3779b1);
    const r = h >>> 27;
    h = (h << r) | (h >>> (32 - r));
  }
  if (i < to) {
    let k = bytes[i++];
    if (i < to) k |= bytes[i++] << 8;
    if (i < to) k |= bytes[i] << 16;
    h = Math.imul(h ^ k, 0x9e3779b1);
  }
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A seed for `hashBytes` that no sender can know. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] | 0;
}
