// MurmurHash3 x64 128-bit, seed 0 (https://github.com/aappleby/smhasher), in 32-bit halves: bigint would cost microseconds a key.

let high = 0;
let low = 0;

/**
 * Hash of `bytes[at, at + length)`, `length` a multiple of 16, followed by a 0x01 byte if `suffix`. Writes low and high half of both
 * 64-bit words to `out[to, to + 4)`.
 */
export function murmur128(bytes: Uint8Array, at: number, length: number, suffix: boolean, out: Uint32Array, to: number): void {
  let h1h = 0;
  let h1l = 0;
  let h2h = 0;
  let h2l = 0;
  for (let i = at; i < at + length; i += 16) {
    scramble1(word(bytes, i + 4), word(bytes, i));
    h1h ^= high;
    h1l ^= low;
    rotate(h1h, h1l, 27);
    add(high, low, h2h, h2l);
    multiply(high, low, 0, 5);
    add(high, low, 0, 0x52dce729);
    h1h = high;
    h1l = low;

    multiply(word(bytes, i + 12), word(bytes, i + 8), 0x4cf5ad43, 0x2745937f);
    rotate(high, low, 33);
    multiply(high, low, 0x87c37b91, 0x114253d5);
    h2h ^= high;
    h2l ^= low;
    rotate(h2h, h2l, 31);
    add(high, low, h1h, h1l);
    multiply(high, low, 0, 5);
    add(high, low, 0, 0x38495ab5);
    h2h = high;
    h2l = low;
  }
  if (suffix) {
    scramble1(0, 1);
    h1h ^= high;
    h1l ^= low;
  }
  const total = length + (suffix ? 1 : 0);
  h1l ^= total;
  h2l ^= total;
  add(h1h, h1l, h2h, h2l);
  h1h = high;
  h1l = low;
  add(h2h, h2l, h1h, h1l);
  h2h = high;
  h2l = low;
  mix(h1h, h1l);
  h1h = high;
  h1l = low;
  mix(h2h, h2l);
  h2h = high;
  h2l = low;
  add(h1h, h1l, h2h, h2l);
  h1h = high;
  h1l = low;
  add(h2h, h2l, h1h, h1l);
  out[to] = h1l;
  out[to + 1] = h1h;
  out[to + 2] = low;
  out[to + 3] = high;
}

/** Little-endian word. */
function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

function scramble1(h: number, l: number): void {
  multiply(h, l, 0x87c37b91, 0x114253d5);
  rotate(high, low, 31);
  multiply(high, low, 0x4cf5ad43, 0x2745937f);
}

function add(ah: number, al: number, bh: number, bl: number): void {
  const sum = (al >>> 0) + (bl >>> 0);
  low = sum >>> 0;
  high = (ah + bh + (sum > 0xffffffff ? 1 : 0)) >>> 0;
}

function multiply(ah: number, al: number, bh: number, bl: number): void {
  const a0 = al & 0xffff;
  const a1 = al >>> 16;
  const b0 = bl & 0xffff;
  const b1 = bl >>> 16;
  const p00 = a0 * b0;
  const middle = a1 * b0 + (p00 >>> 16);
  const middle2 = a0 * b1 + (middle & 0xffff);
  const carry = a1 * b1 + Math.floor(middle / 65536) + Math.floor(middle2 / 65536);
  low = Math.imul(al, bl) >>> 0;
  high = (carry + Math.imul(ah, bl) + Math.imul(al, bh)) >>> 0;
}

function rotate(h: number, l: number, by: number): void {
  if (by >= 32) {
    const n = by - 32;
    high = n === 0 ? l >>> 0 : ((l << n) | (h >>> (32 - n))) >>> 0;
    low = n === 0 ? h >>> 0 : ((h << n) | (l >>> (32 - n))) >>> 0;
    return;
  }
  high = ((h << by) | (l >>> (32 - by))) >>> 0;
  low = ((l << by) | (h >>> (32 - by))) >>> 0;
}

/** The finaliser; shifts right by 33 as a move of the high half. */
function mix(h: number, l: number): void {
  multiply(h, l ^ (h >>> 1), 0xff51afd7, 0xed558ccd);
  multiply(high, low ^ (high >>> 1), 0xc4ceb9fe, 0x1a85ec53);
  low = (low ^ (high >>> 1)) >>> 0;
}
