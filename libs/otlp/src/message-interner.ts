import type { SpanTable } from '@vivace/trace';
import { ATTR_STRING, StringDictionary } from '@vivace/trace';
import { decodeAttribute } from './decode-attributes.ts';
import type { DecodeStats } from './decode-attributes.ts';
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

  row(b: Uint8Array, from: number, to: number, stats: DecodeStats, decode: () => number): number {
    const id = this.#messages.intern(b, from, to);
    if (id >= this.#rows.length) {
      this.#rows = doubled(this.#rows);
      this.#cuts = doubled(this.#cuts);
    }
    if (this.#rows[id] === 0) {
      const before = stats.cutStrings;
      this.#rows[id] = decode() + 1;
      this.#cuts[id] = stats.cutStrings - before;
    } else stats.cutStrings += this.#cuts[id];
    return this.#rows[id] - 1;
  }
}

/** What decoding remembers of a table between requests. */
export class TableInterner {
  readonly maxAttributeBytes: number;
  readonly #table: SpanTable;
  readonly #serviceKey: number;
  readonly #resources = new MessageInterner();
  readonly #scopes = new MessageInterner();

  constructor(table: SpanTable, maxAttributeBytes: number) {
    this.#table = table;
    this.maxAttributeBytes = maxAttributeBytes;
    this.#serviceKey = table.strings.internText('service.name');
  }

  /** The row of the Resource message in `b[from, to)`, decoded when its bytes are new. An absent resource is an empty one. */
  resource(b: Uint8Array, from: number, to: number, stats: DecodeStats): number {
    return this.#resources.row(b, from, to, stats, () => this.#decodeResource(b, from, to, stats));
  }

  /** The row of the InstrumentationScope message in `b[from, to)`, as above. */
  scope(b: Uint8Array, from: number, to: number, stats: DecodeStats): number {
    return this.#scopes.row(b, from, to, stats, () => this.#decodeScope(b, from, to, stats));
  }

  #decodeResource(b: Uint8Array, from: number, to: number, stats: DecodeStats): number {
    const table = this.#table;
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
        decodeAttribute(b, at, p, table, attrs, this.maxAttributeBytes, stats);
      } else if (tag === 0x10) {
        readVarint64(b, p);
        dropped = cursor.lo;
        p = cursor.pos;
      } else p = skipValue(b, tag, p, to);
    }
    table.ensureResources(1);
    const row = table.resourceCount;
    let service = 0;
    for (let i = attrs.count - 1; i >= first; i--) {
      // Of duplicates the first counts.
      if (attrs.key[i] === this.#serviceKey && attrs.type[i] === ATTR_STRING) service = attrs.u32[2 * i];
    }
    table.resourceService[row] = service;
    table.resourceDropped[row] = dropped;
    table.resourceAttrEnd[row] = attrs.count;
    table.resourceCount = row + 1;
    return row;
  }

  #decodeScope(b: Uint8Array, from: number, to: number, stats: DecodeStats): number {
    const table = this.#table;
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
        else decodeAttribute(b, at, p, table, table.scopeAttrs, this.maxAttributeBytes, stats);
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
}

function doubled(array: Int32Array): Int32Array {
  const out = new Int32Array(array.length * 2);
  out.set(array);
  return out;
}
