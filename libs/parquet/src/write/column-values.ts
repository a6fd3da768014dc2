import type { Encoding, PhysicalType } from '../format.ts';
import type { ByteBuffer } from './byte-buffer.ts';

/** Smallest and largest value of a range in PLAIN form without length prefix, for statistics and indexes. */
export interface Bounds {
  readonly min: Uint8Array;
  readonly max: Uint8Array;
}

/** The values of one column chunk in slot order, nulls left out, with their encoding. */
export interface ColumnValues {
  readonly type: PhysicalType;
  readonly encoding: Encoding;
  /** Appends values `[from, to)` in `encoding`. */
  encode(from: number, to: number, out: ByteBuffer): void;
  /** Undefined when there is no order to speak of or no value. */
  bounds(from: number, to: number): Bounds | undefined;
  /** Set for RLE_DICTIONARY only. */
  readonly dictionary?: DictionaryPage;
}

export interface DictionaryPage {
  readonly size: number;
  /** Appends all entries PLAIN. */
  encode(out: ByteBuffer): void;
  /** Over all entries: every entry is used in the chunk. */
  bounds(): Bounds | undefined;
}
