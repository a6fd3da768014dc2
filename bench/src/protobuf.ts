/** A growing protobuf encoder that tells where it wrote fixed-width fields, so that they can be patched later. */
export class ProtobufWriter {
  #bytes = Buffer.alloc(1 << 20);
  #end = 0;

  /** The bytes written; valid until the next write. */
  done(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  varintField(field: number, value: number | bigint): void {
    this.#varint(field * 8);
    if (typeof value === 'bigint') this.#varintBig(value);
    else this.#varint(value);
  }

  stringField(field: number, text: string): void {
    const n = Buffer.byteLength(text);
    this.#varint(field * 8 + 2);
    this.#varint(n);
    this.#reserve(n);
    this.#bytes.write(text, this.#end);
    this.#end += n;
  }

  /** Returns the position of the bytes. */
  bytesField(field: number, bytes: Uint8Array): number {
    this.#varint(field * 8 + 2);
    this.#varint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
    return this.#end - bytes.length;
  }

  /** Returns the position of the eight bytes. */
  fixed64Field(field: number, value: bigint): number {
    this.#varint(field * 8 + 1);
    this.#reserve(8);
    this.#bytes.writeBigUInt64LE(value, this.#end);
    this.#end += 8;
    return this.#end - 8;
  }

  doubleField(field: number, value: number): void {
    this.#varint(field * 8 + 1);
    this.#reserve(8);
    this.#bytes.writeDoubleLE(value, this.#end);
    this.#end += 8;
  }

  /** The length is a varint padded to four bytes, so that it can be written after the content. */
  messageField(field: number, write: () => void): void {
    this.#varint(field * 8 + 2);
    this.#reserve(4);
    const at = this.#end;
    this.#end += 4;
    write();
    const n = this.#end - at - 4;
    for (let i = 0; i < 4; i++) this.#bytes[at + i] = ((n >> (7 * i)) & 127) | (i < 3 ? 128 : 0);
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#end++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#end++] = rest;
  }

  #varintBig(value: bigint): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest > 127n) {
      this.#bytes[this.#end++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#bytes[this.#end++] = Number(rest);
  }

  #reserve(n: number): void {
    if (this.#end + n <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#end + n));
    this.#bytes.copy(larger);
    this.#bytes = larger;
  }
}
