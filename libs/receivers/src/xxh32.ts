const P1 = 0x9e3779b1;
const P2 = 0x85ebca77;
const P3 = 0xc2b2ae3d;
const P4 = 0x27d4eb2f;
const P5 = 0x165667b1;

/** XXH32 of `bytes[from, to)` with seed 0. Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md */
export function xxh32(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let i = from;
  let h = P5;
  if (to - from >= 16) {
    let a = (P1 + P2) | 0;
    let b = P2 | 0;
    let c = 0;
    let d = -P1 | 0;
    for (; i + 16 <= to; i += 16) {
      a = round(a, word(bytes, i));
      b = round(b, word(bytes, i + 4));
      c = round(c, word(bytes, i + 8));
      d = round(d, word(bytes, i + 12));
    }
    h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
  }
  h = (h + (to - from)) | 0;
  for (; i + 4 <= to; i += 4) h = Math.imul(rotate((h + Math.imul(word(bytes, i), P3)) | 0, 17), P4);
  for (; i < to; i++) h = Math.imul(rotate((h + Math.imul(bytes[i], P5)) | 0, 11), P1);
  h = Math.imul(h ^ (h >>> 15), P2);
  h = Math.imul(h ^ (h >>> 13), P3);
  return (h ^ (h >>> 16)) >>> 0;
}

function round(lane: number, input: number): number {
  return Math.imul(rotate((lane + Math.imul(input, P2)) | 0, 13), P1);
}

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

function word(bytes: Uint8Array, i: number): number {
  return bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
}
