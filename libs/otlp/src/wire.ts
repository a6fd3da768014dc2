// The protobuf wire format, just enough to walk messages in place. https://protobuf.dev/programming-guides/encoding/
//
// Functions take and return plain numbers: a position that a second result would need lands in `cursor`, one fixed object,
// which V8 turns into a store to a known address. -1 means "broken here"; nothing throws, callers know what to blame.

/** Second results: the position after what was read, and the halves of the last `readVarint64`. Overwritten by every call. */
export const cursor = { pos: 0, lo: 0, hi: 0 };

/** How deep groups, arrays and kvlists may nest. Real data nests two or three deep; the bound keeps recursion off the stack limit. */
export const MAX_DEPTH = 64;

/**
 * A varint at `p` as a number (exact to 2^53, larger values are only good for comparing), or -1 when it does not end
 * before `end` or is longer than ten bytes. The next position is in `cursor.pos`.
 */
export function readVarint(b: Uint8Array, p: number, end: number): number {
  if (p >= end) return -1;
  let byte = b[p++];
  if (byte < 0x80) {
    cursor.pos = p;
    return byte;
  }
  let value = byte & 0x7f;
  let scale = 128;
  for (let n = 1; n < 10 && p < end; n++) {
    byte = b[p++];
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      cursor.pos = p;
      return value;
    }
    scale *= 128;
  }
  return -1;
}

/** A length prefix at `p`: the length when the content fits before `end`, else -1. The content starts at `cursor.pos`. */
export function readLength(b: Uint8Array, p: number, end: number): number {
  const n = readVarint(b, p, end);
  return n <= end - cursor.pos ? n : -1;
}

/** A varint known to be whole, modulo 2^64: words in `cursor.lo` and `cursor.hi` (unsigned), next position in `cursor.pos`. */
export function readVarint64(b: Uint8Array, p: number): void {
  let lo = 0;
  let hi = 0;
  let byte = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    byte = b[p++];
    lo |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      cursor.lo = lo;
      cursor.hi = 0;
      cursor.pos = p;
      return;
    }
  }
  byte = b[p++];
  lo |= (byte & 0x7f) << 28;
  hi = (byte & 0x7f) >>> 4;
  for (let shift = 3; byte >= 0x80; shift += 7) {
    byte = b[p++];
    if (shift < 32) hi |= (byte & 0x7f) << shift;
  }
  cursor.lo = lo >>> 0;
  cursor.hi = hi >>> 0;
  cursor.pos = p;
}

/** Little-endian u32. */
export function readU32(b: Uint8Array, p: number): number {
  return (b[p] | (b[p + 1] << 8) | (b[p + 2] << 16) | (b[p + 3] << 24)) >>> 0;
}

/** The position after the value of a field whose tag has been read, or -1 when it is broken. Groups are skipped whole. */
export function skipValue(b: Uint8Array, tag: number, p: number, end: number, depth = 0): number {
  if (tag < 8 || tag > 0xffffffff) return -1; // field number 0, or more than 29 bits of it
  switch (tag % 8) {
    case 0:
      return readVarint(b, p, end) < 0 ? -1 : cursor.pos;
    case 1:
      return p + 8 <= end ? p + 8 : -1;
    case 2: {
      const n = readLength(b, p, end);
      return n < 0 ? -1 : cursor.pos + n;
    }
    case 3:
      return skipGroup(b, tag, p, end, depth + 1);
    case 5:
      return p + 4 <= end ? p + 4 : -1;
    default:
      return -1;
  }
}

function skipGroup(b: Uint8Array, open: number, from: number, end: number, depth: number): number {
  if (depth > MAX_DEPTH) return -1;
  let p = from;
  for (;;) {
    const tag = readVarint(b, p, end);
    if (tag < 0) return -1;
    if (tag === open + 1) return cursor.pos;
    p = skipValue(b, tag, cursor.pos, end, depth);
    if (p < 0) return -1;
  }
}

/** `bytes` as a plain Uint8Array over the same memory, so that hot loops see one hidden class and not Buffer's too. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
