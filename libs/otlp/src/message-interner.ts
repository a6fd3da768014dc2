import { ATTR_STRING, StringDictionary } from '@vivace/trace';
import { decodeAttribute } from './decode-attributes.ts';
import type { DecodeContext } from './decode-context.ts';
import { cursor, readLength, readVarint, readVarint64, skipValue } from './wire.ts';

/**
 * Rows of one level (resources or scopes) of one table by the raw bytes of their messages: senders repeat the same Resource in every
 * request, so it is decoded once per table. Equal content in other bytes gives a second row; storage merges those.
 */
class MessageInterner {
  readonly #messages = new StringDictionary(undefined, { strings: 64, bytes: 16_384 });
  /** By id of the message: row + 1, 0 when not decoded yet, and the strings cut when it was. */
  #rows: Int32Array = new Int32Array(64);
  #cuts: Int32Array = new Int32Array(64);

  row(b: Uint8Array, from: number, to: number, context: DecodeContext, decode: Decode): number {
    const id = this.#messages.intern(b, from, to);
    if (id >= this.#rows.length) {
      this.#rows = doubled(this.#rows);
      this.#cuts = doubled(this.#cuts);
    }
    if (this.#rows[id] === 0) {
      const before = context.cutStrings;
      this.#rows[id] = decode(b, from, to, context) + 1;
      this.#cuts[id] = context.cutStrings - before;
    } else context.cutStrings += this.#cuts[id];
    return this.#rows[id] - 1;
  }
}

/** Decodes a message into a new row and returns its number. */
type Decode = (b: Uint8Array, from: number, to: number, context: DecodeContext) => number;

/** The resource and scope rows of one table. */
export class TableInterner {
  readonly context: DecodeContext;
  /** Of the table, when this was made. */
  readonly generation: number;
  readonly #resources = new MessageInterner();
  readonly #scopes = new MessageInterner();

  constructor(context: DecodeContext) {
    this.context = context;
    this.generation = context.table.generation;
  }

  /** The row of the Resource message in `b[from, to)`, decoded when its bytes are new. An absent resource is an empty one. */
  resource(b: Uint8Array, from: number, to: number): number {
    return this.#resources.row(b, from, to, this.context, decodeResource);
  }

  /** The row of the InstrumentationScope message in `b[from, to)`, as above. */
  scope(b: Uint8Array, from: number, to: number): number {
    return this.#scopes.row(b, from, to, this.context, decodeScope);
  }
}

function decodeResource(b: Uint8Array, from: number, to: number, context: DecodeContext): number {
  const { table } = context;
  const attrs = table.resourceAttrs;
  const first = attrs.count;
  let dropped = 0;
  for (let p = from; p < to; ) {
    const tag = readVarint(b, p, to);
    p = cursor.pos;
    if (tag === 0x0a) {
      const n = readLength(b, p, to);
      const at = cursor.pos;
      p = at + n;
      decodeAttribute(b, at, p, context, attrs);
    } else if (tag === 0x10) {
      readVarint64(b, p);
      dropped = cursor.lo;
      p = cursor.pos;
    } else p = skipValue(b, tag, p, to);
  }
  const serviceKey = table.strings.internText('service.name');
  let service = 0;
  for (let i = attrs.count - 1; i >= first; i--) {
    // Of duplicates the first counts.
    if (attrs.key[i] === serviceKey && attrs.type[i] === ATTR_STRING) service = attrs.u32[2 * i];
  }
  table.ensureResources(1);
  const row = table.resourceCount;
  table.resourceService[row] = service;
  table.resourceDropped[row] = dropped;
  table.resourceAttrEnd[row] = attrs.count;
  table.resourceCount = row + 1;
  return row;
}

function decodeScope(b: Uint8Array, from: number, to: number, context: DecodeContext): number {
  const { table } = context;
  let name = 0;
  let version = 0;
  let dropped = 0;
  for (let p = from; p < to; ) {
    const tag = readVarint(b, p, to);
    p = cursor.pos;
    if (tag === 0x0a || tag === 0x12 || tag === 0x1a) {
      const n = readLength(b, p, to);
      const at = cursor.pos;
      p = at + n;
      if (tag === 0x0a) name = table.strings.intern(b, at, p);
      else if (tag === 0x12) version = table.strings.intern(b, at, p);
      else decodeAttribute(b, at, p, context, table.scopeAttrs);
    } else if (tag === 0x20) {
      readVarint64(b, p);
      dropped = cursor.lo;
      p = cursor.pos;
    } else p = skipValue(b, tag, p, to);
  }
  table.ensureScopes(1);
  const row = table.scopeCount;
  table.scopeName[row] = name;
  table.scopeVersion[row] = version;
  table.scopeDropped[row] = dropped;
  table.scopeAttrEnd[row] = table.scopeAttrs.count;
  table.scopeCount = row + 1;
  return row;
}

function doubled(array: Int32Array): Int32Array {
  const out = new Int32Array(array.length * 2);
  out.set(array);
  return out;
}
