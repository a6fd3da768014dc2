import { utf8Cut } from '@vivace/bytes';
import type { AttrList, SpanTable } from '@vivace/trace';
import { ATTR_ARRAY, ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING } from '@vivace/trace';
import { anyValueJson } from './any-value-json.ts';
import type { DecodeContext } from './decode-context.ts';
import { cursor, readLength, readU32, readVarint, readVarint64, skipValue } from './wire.ts';

/**
 * Appends the KeyValue in `b[from, to)` to `list`. The bytes must have passed `scanExport`. Keys and string values longer than the limit are
 * cut on a UTF-8 boundary; arrays and maps are not inspected. How values are stored: docs/format/block.md.
 */
export function decodeAttribute(b: Uint8Array, from: number, to: number, context: DecodeContext, list: AttrList): void {
  const { attributes, view } = context;
  if (attributes.copy(view, from, to - from, list)) return;
  const cut = context.cutStrings;
  decodeKeyValue(b, from, to, context, list);
  if (context.cutStrings === cut) attributes.keep(view, from, to - from, list);
}

function decodeKeyValue(b: Uint8Array, from: number, to: number, context: DecodeContext, list: AttrList): void {
  let keyFrom = from;
  let keyTo = from;
  let valueFrom = from;
  let valueTo = from;
  for (let p = from; p < to; ) {
    const tag = readVarint(b, p, to);
    p = cursor.pos;
    if (tag === 0x0a) {
      const n = readLength(b, p, to);
      keyFrom = cursor.pos;
      keyTo = p = keyFrom + n;
    } else if (tag === 0x12) {
      const n = readLength(b, p, to);
      valueFrom = cursor.pos;
      valueTo = p = valueFrom + n;
    } else p = skipValue(b, tag, p, to);
  }
  const max = context.maxAttributeBytes;
  if (keyTo - keyFrom > max) {
    keyTo = keyFrom + utf8Cut(b, keyFrom, keyTo, max);
    context.cutStrings++;
  }
  const i = list.count;
  if (i === list.type.length) list.ensure(1);
  list.key[i] = context.internKey(b, keyFrom, keyTo);
  decodeValue(b, valueFrom, valueTo, context, list, i);
  list.count = i + 1;
}

function decodeValue(b: Uint8Array, from: number, to: number, context: DecodeContext, list: AttrList, i: number): void {
  // Nearly always there is one field, and mostly a string.
  if (from < to && b[from] === 0x0a && readLength(b, from + 1, to) === to - cursor.pos) {
    storeString(b, cursor.pos, to, context, list, i);
    return;
  }
  const tag = from < to ? lastField(b, from, to) : 0;
  if (tag === 0x0a) {
    const n = readLength(b, cursor.pos, to);
    storeString(b, cursor.pos, cursor.pos + n, context, list, i);
  } else if (!storeNumber(b, tag, cursor.pos, list, i)) {
    if (tag !== 0x2a || !storeArray(b, cursor.pos, to, context.table, list, i)) {
      list.type[i] = ATTR_JSON;
      list.u32[2 * i] = context.strings.internText(anyValueJson(b, from, to));
      list.u32[2 * i + 1] = 0;
    }
  }
}

function storeString(b: Uint8Array, from: number, to: number, context: DecodeContext, list: AttrList, i: number): void {
  const max = context.maxAttributeBytes;
  let end = to;
  if (to - from > max) {
    end = from + utf8Cut(b, from, to, max);
    context.cutStrings++;
  }
  list.type[i] = ATTR_STRING;
  list.u32[2 * i] = context.strings.intern(b, from, end);
  list.u32[2 * i + 1] = 0;
}

/** The tag of the AnyValue field that counts (the last known one), 0 when there is none; its value is at `cursor.pos`. */
function lastField(b: Uint8Array, from: number, to: number): number {
  let tag = 0;
  let at = from;
  for (let p = from; p < to; ) {
    const t = readVarint(b, p, to);
    const value = cursor.pos;
    if (t < 64) {
      tag = t;
      at = value;
    }
    p = skipValue(b, t, value, to);
  }
  cursor.pos = at;
  return tag;
}

/** Stores an int, double or bool value; false when the tag is none of these. */
function storeNumber(b: Uint8Array, tag: number, at: number, list: AttrList, i: number): boolean {
  if (tag === 0x18) {
    readVarint64(b, at);
    list.type[i] = ATTR_INT;
    list.u32[2 * i] = cursor.lo;
    list.u32[2 * i + 1] = cursor.hi;
    return true;
  }
  if (tag === 0x21) {
    list.type[i] = ATTR_DOUBLE;
    list.u32[2 * i] = readU32(b, at);
    list.u32[2 * i + 1] = readU32(b, at + 4);
    return true;
  }
  if (tag === 0x10) {
    readVarint64(b, at);
    list.type[i] = ATTR_BOOL;
    list.u32[2 * i] = cursor.lo === 0 && cursor.hi === 0 ? 0 : 1;
    list.u32[2 * i + 1] = 0;
    return true;
  }
  return false;
}

/** Stores the ArrayValue whose length prefix is at `at` when all its elements have one scalar type; else false, nothing stored. */
function storeArray(b: Uint8Array, at: number, to: number, table: SpanTable, list: AttrList, i: number): boolean {
  const n = readLength(b, at, to);
  const from = cursor.pos;
  const end = from + n;
  let type = 0;
  let count = 0;
  for (let p = from; p < end; ) {
    const tag = readVarint(b, p, end);
    if (tag === 0x0a) {
      const size = readLength(b, cursor.pos, end);
      const item = cursor.pos;
      p = item + size;
      const t = lastField(b, item, p);
      if (t !== 0x0a && t !== 0x10 && t !== 0x18 && t !== 0x21) return false;
      if (type !== 0 && t !== type) return false;
      type = t;
      count++;
    } else p = skipValue(b, tag, cursor.pos, end);
  }
  const elements = table.elements;
  elements.ensure(count);
  list.type[i] = ATTR_ARRAY;
  list.u32[2 * i] = elements.count;
  list.u32[2 * i + 1] = count;
  for (let p = from; p < end; ) {
    const tag = readVarint(b, p, end);
    if (tag === 0x0a) {
      const size = readLength(b, cursor.pos, end);
      const item = cursor.pos;
      p = item + size;
      const e = elements.count++;
      lastField(b, item, p);
      if (type === 0x0a) {
        const length = readLength(b, cursor.pos, p);
        elements.type[e] = ATTR_STRING;
        elements.u32[2 * e] = table.strings.intern(b, cursor.pos, cursor.pos + length);
        elements.u32[2 * e + 1] = 0;
      } else storeNumber(b, type, cursor.pos, elements, e);
    } else p = skipValue(b, tag, cursor.pos, end);
  }
  return true;
}
