import { decodeUtf8 } from '@vivace/bytes';
import { cursor, readLength, readVarint, readVarint64, skipValue } from './wire.ts';

/**
 * Compact protobuf-JSON of the AnyValue in `b[from, to)`, which must be well-formed: int64 quoted, bytes in standard base64, doubles
 * as Go prints them (docs/format/block.md). A field that occurs twice counts once, the last one.
 */
export function anyValueJson(b: Uint8Array, from: number, to: number): string {
  let tag = 0;
  let at = 0;
  for (let p = from; p < to; ) {
    const t = readVarint(b, p, to);
    if (t < 64) {
      tag = t;
      at = cursor.pos;
    }
    p = skipValue(b, t, cursor.pos, to);
  }
  if (tag === 0) return '{}';
  if (tag === 0x10) return `{"boolValue":${readVarint(b, at, to) !== 0}}`;
  if (tag === 0x18) {
    readVarint64(b, at);
    return `{"intValue":"${int64Text(cursor.lo, cursor.hi)}"}`;
  }
  if (tag === 0x21) return `{"doubleValue":${doubleJson(new DataView(b.buffer, b.byteOffset + at, 8).getFloat64(0, true))}}`;
  const n = readLength(b, at, to);
  const start = cursor.pos;
  const end = start + n;
  if (tag === 0x0a) return `{"stringValue":${JSON.stringify(decodeUtf8(b, start, end))}}`;
  if (tag === 0x3a) return `{"bytesValue":"${base64(b, start, end)}"}`;
  const parts: string[] = [];
  for (let p = start; p < end; ) {
    const t = readVarint(b, p, end);
    p = cursor.pos;
    if (t === 0x0a) {
      const size = readLength(b, p, end);
      const item = cursor.pos;
      p = item + size;
      parts.push(tag === 0x2a ? anyValueJson(b, item, p) : keyValueJson(b, item, p));
    } else p = skipValue(b, t, p, end);
  }
  const body = parts.length === 0 ? '{}' : `{"values":[${parts.join(',')}]}`;
  return tag === 0x2a ? `{"arrayValue":${body}}` : `{"kvlistValue":${body}}`;
}

/** Signed decimal of an int64 given as unsigned halves. */
export function int64Text(lo: number, hi: number): string {
  // Within 2^53 a double is exact and far cheaper than a bigint.
  const top = hi | 0;
  if (top >= -0x200000 && top < 0x200000) return String(top * 4294967296 + lo);
  return BigInt.asIntN(64, (BigInt(hi) << 32n) | BigInt(lo)).toString();
}

/** A double as Go's encoding/json prints it; what JSON has no number for becomes jsonpb's string. */
export function doubleJson(value: number): string {
  if (Object.is(value, -0)) return '-0';
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? '"NaN"' : value > 0 ? '"Infinity"' : '"-Infinity"';
}

/** Standard base64 with padding. */
export function base64(b: Uint8Array, from: number, to: number): string {
  return Buffer.from(b.buffer, b.byteOffset + from, to - from).toString('base64');
}

function keyValueJson(b: Uint8Array, from: number, to: number): string {
  let key = '';
  let value: string | undefined;
  for (let p = from; p < to; ) {
    const tag = readVarint(b, p, to);
    p = cursor.pos;
    if (tag === 0x0a || tag === 0x12) {
      const n = readLength(b, p, to);
      const at = cursor.pos;
      p = at + n;
      if (tag === 0x0a) key = JSON.stringify(decodeUtf8(b, at, p));
      else value = anyValueJson(b, at, p);
    } else p = skipValue(b, tag, p, to);
  }
  const fields: string[] = [];
  if (key !== '' && key !== '""') fields.push(`"key":${key}`);
  if (value !== undefined) fields.push(`"value":${value}`);
  return `{${fields.join(',')}}`;
}
