import type { StringDict } from '@vivace/trace';

/** Appends protobuf fields to a buffer of its own that doubles. Tags are given as they stand on the wire (one byte: fields 1 to 15). */
export class ProtoWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** A copy of what was written. */
  result(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** The position to return to with `rewind`. */
  get length(): number {
    return this.#length;
  }

  rewind(length: number): void {
    this.#length = length;
  }

  /** Starts a nested message; give the result to `end`. One byte is reserved for the length: most messages are short. */
  begin(tag: number): number {
    this.#reserve(2);
    this.#bytes[this.#length++] = tag;
    return ++this.#length;
  }

  end(start: number): void {
    const n = this.#length - start;
    let size = 1;
    for (let rest = n >>> 7; rest > 0; rest >>>= 7) size++;
    if (size > 1) {
      this.#reserve(size - 1);
      this.#bytes.copyWithin(start + size - 1, start, this.#length);
      this.#length += size - 1;
    }
    let rest = n;
    let p = start - 1;
    for (; rest > 127; rest >>>= 7) this.#bytes[p++] = (rest & 0x7f) | 0x80;
    this.#bytes[p] = rest;
  }

  /** A varint field of an unsigned number below 2^53. */
  uint(tag: number, value: number): void {
    this.#reserve(9);
    this.#bytes[this.#length++] = tag;
    this.#varint(value);
  }

  /** A varint field of a 64-bit integer given as unsigned halves. */
  uint64(tag: number, lo: number, hi: number): void {
    this.#reserve(11);
    this.#bytes[this.#length++] = tag;
    let low = lo;
    let high = hi;
    while (high !== 0 || low > 127) {
      this.#bytes[this.#length++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#bytes[this.#length++] = low;
  }

  fixed64(tag: number, lo: number, hi: number): void {
    this.#reserve(9);
    this.#bytes[this.#length++] = tag;
    for (let i = 0; i < 4; i++) this.#bytes[this.#length++] = lo >>> (8 * i);
    for (let i = 0; i < 4; i++) this.#bytes[this.#length++] = hi >>> (8 * i);
  }

  bytes(tag: number, from: Uint8Array, at = 0, n = from.length): void {
    this.#lengthPrefix(tag, n);
    this.#bytes.set(from.subarray(at, at + n), this.#length);
    this.#length += n;
  }

  text(tag: number, text: string): void {
    const start = this.begin(tag);
    this.#reserve(text.length * 3);
    this.#length += encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
    this.end(start);
  }

  /** A string of a dictionary, bytes copied as they are. */
  entry(tag: number, dict: StringDict, id: number): void {
    this.#lengthPrefix(tag, dict.byteLength(id));
    this.#length += dict.copyTo(id, this.#bytes, this.#length);
  }

  #lengthPrefix(tag: number, n: number): void {
    this.#reserve(9 + n);
    this.#bytes[this.#length++] = tag;
    this.#varint(n);
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

const encoder = new TextEncoder();
