import type { ByteCursor } from './byte-cursor.ts';
import { decodeDelta32 } from './delta.ts';

/** Byte strings back to back: value `i` is `bytes[ends[i - 1], ends[i])`. May borrow the page. */
export interface ByteArrays {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

/** PLAIN: each value is a u32 length and its bytes. */
export function decodePlainByteArrays(cursor: ByteCursor, count: number): ByteArrays {
  // Each value takes at least its length: checked before anything is allocated.
  cursor.need(count * 4);
  const source = cursor.bytes;
  const ends = new Uint32Array(count);
  const bytes = new Uint8Array(cursor.end - cursor.pos - count * 4);
  let out = 0;
  let p = cursor.pos;
  for (let i = 0; i < count; i++) {
    const length = p + 4 <= cursor.end ? (source[p] | (source[p + 1] << 8) | (source[p + 2] << 16) | (source[p + 3] << 24)) >>> 0 : Number.MAX_SAFE_INTEGER;
    p += 4;
    // The values behind need their lengths at least; only so much was allocated.
    if (length > cursor.end - p - (count - 1 - i) * 4) {
      cursor.pos = p;
      cursor.fail(`value ${i} is longer than its page`);
    }
    if (length < 32) for (let j = 0; j < length; j++) bytes[out + j] = source[p + j];
    else bytes.set(source.subarray(p, p + length), out);
    p += length;
    out += length;
    ends[i] = out;
  }
  cursor.pos = p;
  return { bytes: bytes.subarray(0, out), ends };
}

/** DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes. Borrows the page. */
export function decodeDeltaLengthByteArrays(cursor: ByteCursor, count: number): ByteArrays {
  const ends = decodeLengths(cursor, count);
  return { bytes: cursor.take(count === 0 ? 0 : ends[count - 1]), ends };
}

/** DELTA_BYTE_ARRAY: lengths of prefixes shared with the value before, then suffixes as DELTA_LENGTH_BYTE_ARRAY. */
export function decodeDeltaByteArrays(cursor: ByteCursor, count: number, limit: number): ByteArrays {
  const prefixes = new Int32Array(count);
  decodeDelta32(cursor, count, prefixes, 0);
  const suffixes = decodeDeltaLengthByteArrays(cursor, count);
  const ends = new Uint32Array(count);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const suffix = suffixes.ends[i] - (i === 0 ? 0 : suffixes.ends[i - 1]);
    const before = i === 0 ? 0 : ends[i - 1] - (i === 1 ? 0 : ends[i - 2]);
    if (prefixes[i] < 0 || prefixes[i] > before) cursor.fail(`value ${i} shares ${prefixes[i]} bytes of ${before}`);
    total += prefixes[i] + suffix;
    if (total > limit) cursor.fail(`values of more than ${limit} bytes in a page`);
    ends[i] = total;
  }
  const bytes = new Uint8Array(total);
  let out = 0;
  let previous = 0;
  let from = 0;
  for (let i = 0; i < count; i++) {
    bytes.copyWithin(out, previous, previous + prefixes[i]);
    bytes.set(suffixes.bytes.subarray(from, suffixes.ends[i]), out + prefixes[i]);
    from = suffixes.ends[i];
    previous = out;
    out = ends[i];
  }
  return { bytes, ends };
}

/** Joins the values of pages; one page is passed through. */
export function joinByteArrays(parts: readonly ByteArrays[]): ByteArrays {
  if (parts.length === 1) return parts[0];
  let count = 0;
  let size = 0;
  for (const part of parts) {
    count += part.ends.length;
    size += part.bytes.length;
  }
  const ends = new Uint32Array(count);
  const bytes = new Uint8Array(size);
  let i = 0;
  let base = 0;
  for (const part of parts) {
    bytes.set(part.bytes, base);
    for (let j = 0; j < part.ends.length; j++) ends[i++] = base + part.ends[j];
    base += part.bytes.length;
  }
  return { bytes, ends };
}

function decodeLengths(cursor: ByteCursor, count: number): Uint32Array {
  const lengths = new Int32Array(count);
  decodeDelta32(cursor, count, lengths, 0);
  let end = 0;
  const available = cursor.end - cursor.pos;
  for (let i = 0; i < count; i++) {
    const length = lengths[i];
    end += length;
    if (length < 0 || end > available) cursor.fail(`value ${i} of ${length} bytes passes the end of its page`);
    lengths[i] = end;
  }
  return new Uint32Array(lengths.buffer);
}
