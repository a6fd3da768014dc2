import { corrupt } from './corrupt.ts';

/** A bounds-checked position in borrowed bytes. Offsets in errors count from the start of the object. */
export class ByteCursor {
  readonly bytes: Uint8Array;
  readonly name: string;
  /** Offset of `bytes[0]` in the object. */
  readonly base: number;
  readonly end: number;
  pos: number;
  #view: DataView | undefined;
  /** Halves of the last 64-bit varint, unsigned. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array, name: string, base: number, pos = 0, end = bytes.length) {
    this.bytes = bytes;
    this.name = name;
    this.base = base;
    this.pos = pos;
    this.end = end;
  }

  /** Another cursor at the same place in the same bytes. */
  fork(): ByteCursor {
    return new ByteCursor(this.bytes, this.name, this.base, this.pos, this.end);
  }

  /** The bytes for unaligned loads. */
  get view(): DataView {
    this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.#view;
  }

  fail(problem: string): never {
    throw corrupt(this.name, this.base + this.pos, problem);
  }

  byte(): number {
    if (this.pos >= this.end) this.fail('bytes end early');
    return this.bytes[this.pos++];
  }

  u32le(): number {
    this.need(4);
    const b = this.bytes;
    const p = this.pos;
    this.pos = p + 4;
    return (b[p] | (b[p + 1] << 8) | (b[p + 2] << 16) | (b[p + 3] << 24)) >>> 0;
  }

  need(length: number): void {
    if (length < 0 || length > this.end - this.pos) this.fail(`${length} bytes wanted, ${this.end - this.pos} left,`);
  }

  /** The next `length` bytes, borrowed. */
  take(length: number): Uint8Array {
    this.need(length);
    const from = this.pos;
    this.pos = from + length;
    return this.bytes.subarray(from, this.pos);
  }

  /** ULEB128 below 2^32. */
  uvarint32(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    this.pos--;
    this.uvarint64();
    if (this.high !== 0) this.fail('number above 2^32');
    return this.low;
  }

  /** ULEB128 into `low` and `high`. */
  uvarint64(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const b = this.byte();
      const bits = b & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else if (bits > 1) this.fail('varint longer than 64 bits');
      else high |= bits << 31;
      if (b < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    this.fail('varint longer than 10 bytes');
  }

  /** Zigzag-coded i64 into `low` and `high` (two's complement). */
  zigzag64(): void {
    this.uvarint64();
    const sign = -(this.low & 1);
    const low = (this.low >>> 1) | (this.high << 31);
    this.low = (low ^ sign) >>> 0;
    this.high = ((this.high >>> 1) ^ sign) >>> 0;
  }
}
