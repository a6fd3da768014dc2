import { encodeUtf8 } from '@vivace/bytes';
import type { ByteBuffer } from './byte-buffer.ts';

/** Wire types of the Thrift compact protocol. */
const TRUE = 1;
const FALSE = 2;
const I8 = 3;
const I16 = 4;
const I32 = 5;
const I64 = 6;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;

/**
 * Writes structs in the Thrift compact protocol (thrift/doc/specs/thrift-compact-protocol.md). Fields must be written in
 * ascending order of their ids. Integers must be exact in a double.
 */
export class ThriftWriter {
  readonly #out: ByteBuffer;
  /** Last field id of each open struct; the innermost is on top. */
  readonly #last: number[] = [0];

  constructor(out: ByteBuffer) {
    this.#out = out;
  }

  bool(field: number, value: boolean): void {
    this.#header(field, value ? TRUE : FALSE);
  }

  i8(field: number, value: number): void {
    this.#header(field, I8);
    this.#out.u8(value);
  }

  i16(field: number, value: number): void {
    this.#header(field, I16);
    this.#zigzag(value);
  }

  i32(field: number, value: number): void {
    this.#header(field, I32);
    this.#zigzag(value);
  }

  i64(field: number, value: number): void {
    this.#header(field, I64);
    this.#zigzag(value);
  }

  binary(field: number, value: Uint8Array): void {
    this.#header(field, BINARY);
    this.#bytes(value);
  }

  text(field: number, value: string): void {
    this.binary(field, encodeUtf8(value));
  }

  struct(field: number, body: () => void): void {
    this.#header(field, STRUCT);
    this.#body(body);
  }

  structs(field: number, count: number, body: (index: number) => void): void {
    this.#listHeader(field, STRUCT, count);
    for (let i = 0; i < count; i++) this.#body(() => body(i));
  }

  i32s(field: number, values: readonly number[]): void {
    this.#listHeader(field, I32, values.length);
    for (const value of values) this.#zigzag(value);
  }

  i64s(field: number, values: readonly number[]): void {
    this.#listHeader(field, I64, values.length);
    for (const value of values) this.#zigzag(value);
  }

  bools(field: number, values: readonly boolean[]): void {
    // Elements are one byte each; 0 and not 2 for false, as parquet-go reads and writes them.
    this.#listHeader(field, FALSE, values.length);
    for (const value of values) this.#out.u8(value ? 1 : 0);
  }

  binaries(field: number, values: readonly Uint8Array[]): void {
    this.#listHeader(field, BINARY, values.length);
    for (const value of values) this.#bytes(value);
  }

  texts(field: number, values: readonly string[]): void {
    this.binaries(field, values.map(encodeUtf8));
  }

  /** Closes the outermost struct; the writer may be used for the next one. */
  stop(): void {
    this.#out.u8(0);
    this.#last[0] = 0;
  }

  #body(body: () => void): void {
    this.#last.push(0);
    body();
    this.#last.pop();
    this.#out.u8(0);
  }

  #header(field: number, type: number): void {
    const top = this.#last.length - 1;
    const delta = field - this.#last[top];
    this.#last[top] = field;
    if (delta > 0 && delta <= 15) {
      this.#out.u8((delta << 4) | type);
      return;
    }
    this.#out.u8(type);
    this.#zigzag(field);
  }

  #listHeader(field: number, type: number, count: number): void {
    this.#header(field, LIST);
    if (count < 15) {
      this.#out.u8((count << 4) | type);
      return;
    }
    this.#out.u8(0xf0 | type);
    this.#out.varint(count);
  }

  #bytes(value: Uint8Array): void {
    this.#out.varint(value.length);
    this.#out.append(value);
  }

  #zigzag(value: number): void {
    this.#out.varint(value >= 0 ? value * 2 : -value * 2 - 1);
  }
}
