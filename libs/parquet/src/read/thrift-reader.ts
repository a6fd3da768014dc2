import { decodeUtf8 } from '@vivace/bytes';
import type { ByteCursor } from './byte-cursor.ts';

// Types of the compact protocol. Source: apache/thrift, doc/specs/thrift-compact-protocol.md.
const TRUE = 1;
const FALSE = 2;
const I8 = 3;
const I16 = 4;
const I32 = 5;
const I64 = 6;
const DOUBLE = 7;
const BINARY = 8;
const LIST = 9;
const SET = 10;
const MAP = 11;
const STRUCT = 12;

/** Parquet's own structures nest seven deep; what nests deeper is not a footer. */
const MAX_DEPTH = 16;

/**
 * Pulls thrift compact structs out of borrowed bytes. A struct is read as
 * `const outer = r.enter(); while (r.nextField()) switch (r.fieldId) { …; default: r.skip(); } r.leave(outer);`.
 * Every length is checked against the bytes that are left, so nothing is allocated on the word of a damaged file.
 */
export class ThriftReader {
  readonly cursor: ByteCursor;
  fieldId = 0;
  #type = 0;
  #depth = 0;

  constructor(cursor: ByteCursor) {
    this.cursor = cursor;
  }

  fail(problem: string): never {
    this.cursor.fail(`thrift: ${problem}`);
  }

  enter(): number {
    if (++this.#depth > MAX_DEPTH) this.fail(`structs nested deeper than ${MAX_DEPTH}`);
    const outer = this.fieldId;
    this.fieldId = 0;
    return outer;
  }

  leave(outer: number): void {
    this.#depth--;
    this.fieldId = outer;
  }

  /** Enters the struct that the current field holds. */
  enterField(): number {
    this.#expect(STRUCT, 'struct');
    return this.enter();
  }

  nextField(): boolean {
    const header = this.cursor.byte();
    if (header === 0) return false;
    this.#type = header & 0x0f;
    if (header >>> 4 === 0) this.fieldId = this.#integer();
    else this.fieldId += header >>> 4;
    return true;
  }

  bool(): boolean {
    if (this.#type !== TRUE && this.#type !== FALSE) this.fail(`field ${this.fieldId} is not a bool`);
    return this.#type === TRUE;
  }

  /** i8, i16, i32 or i64 as a number: exact below 2^53. */
  int(): number {
    if (this.#type === I8) return (this.cursor.byte() << 24) >> 24;
    if (this.#type < I16 || this.#type > I64) this.fail(`field ${this.fieldId} is not an integer`);
    return this.#integer();
  }

  /** An integer that is a size, count or offset. */
  size(): number {
    const n = this.int();
    if (n < 0 || !Number.isSafeInteger(n)) this.fail(`field ${this.fieldId}: ${n} is no size`);
    return n;
  }

  /** Bytes, borrowed. */
  binary(): Uint8Array {
    this.#expect(BINARY, 'binary');
    return this.cursor.take(this.cursor.uvarint32());
  }

  string(): string {
    const bytes = this.binary();
    return decodeUtf8(bytes, 0, bytes.length);
  }

  /** Number of elements of the list in the current field; its elements must then be read in turn. */
  list(kind: 'struct' | 'binary' | 'int' | 'bool'): number {
    this.#expect(LIST, 'list');
    const { type, size } = this.#listHeader();
    const fits =
      kind === 'struct' ? type === STRUCT : kind === 'binary' ? type === BINARY : kind === 'int' ? type >= I8 && type <= I64 : type === TRUE || type === FALSE;
    if (!fits && size > 0) this.fail(`field ${this.fieldId} is not a list of ${kind}`);
    this.#type = type;
    return size;
  }

  listBool(): boolean {
    return this.cursor.byte() === TRUE;
  }

  /** Passes over the current field. */
  skip(): void {
    this.#skipValue(this.#type, false);
  }

  #expect(type: number, what: string): void {
    if (this.#type !== type) this.fail(`field ${this.fieldId} is not a ${what}`);
  }

  #integer(): number {
    const cursor = this.cursor;
    cursor.zigzag64();
    return (cursor.high | 0) * 0x1_0000_0000 + cursor.low;
  }

  #listHeader(): { type: number; size: number } {
    const header = this.cursor.byte();
    const size = header >>> 4 === 15 ? this.cursor.uvarint32() : header >>> 4;
    // Every element takes at least a byte.
    if (size > this.cursor.end - this.cursor.pos) this.fail(`list of ${size} elements in ${this.cursor.end - this.cursor.pos} bytes`);
    return { type: header & 0x0f, size };
  }

  #skipValue(type: number, inList: boolean): void {
    const cursor = this.cursor;
    switch (type) {
      case TRUE:
      case FALSE:
        if (inList) cursor.byte();
        return;
      case I8:
        cursor.byte();
        return;
      case I16:
      case I32:
      case I64:
        cursor.uvarint64();
        return;
      case DOUBLE:
        cursor.take(8);
        return;
      case BINARY:
        cursor.take(cursor.uvarint32());
        return;
      case LIST:
      case SET: {
        if (++this.#depth > MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH}`);
        const list = this.#listHeader();
        for (let i = 0; i < list.size; i++) this.#skipValue(list.type, true);
        this.#depth--;
        return;
      }
      case MAP: {
        if (++this.#depth > MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH}`);
        const size = cursor.uvarint32();
        if (size > cursor.end - cursor.pos) this.fail(`map of ${size} entries in ${cursor.end - cursor.pos} bytes`);
        const types = size === 0 ? 0 : cursor.byte();
        for (let i = 0; i < size; i++) {
          this.#skipValue(types >>> 4, true);
          this.#skipValue(types & 0x0f, true);
        }
        this.#depth--;
        return;
      }
      case STRUCT: {
        const outer = this.enter();
        while (this.nextField()) this.skip();
        this.leave(outer);
        return;
      }
      default:
        this.fail(`unknown type ${type}`);
    }
  }
}
