import { sharedBytes, sharedF64, sharedU32 } from './shared-arrays.ts';

/** What an attribute value is. The numbers are persisted in part files (docs/format/part.md). */
export const ATTR_STRING = 1;
/** int64, in `i64`. */
export const ATTR_INT = 2;
/** IEEE double, in `f64`. */
export const ATTR_DOUBLE = 3;
/** 0 or 1 in the low word (`u32[2 * i]`). */
export const ATTR_BOOL = 4;
/** Elements of one scalar type: `u32[2i]` = first element, `u32[2i + 1]` = count, in the table's `elements`. */
export const ATTR_ARRAY = 5;
/** kvlist, bytes, mixed or nested array, unset value: id (low word) of the protobuf-JSON text of the AnyValue. */
export const ATTR_JSON = 6;

export type AttrType = 1 | 2 | 3 | 4 | 5 | 6;

/** Columns of an `AttrList` as other threads see them. */
export interface AttrListHandle {
  readonly count: number;
  readonly key: Uint32Array;
  readonly type: Uint8Array;
  readonly value: Float64Array;
}

/**
 * Attributes of many owners, flattened. The owner keeps end offsets (`spanAttrEnd` and its kin): attributes of owner
 * `r` are `[end[r - 1], end[r])`, duplicates of a key included, in the order received.
 * The 8-byte value is read through the alias that fits the type; strings are ids (low word) in the table's dictionary.
 */
export class AttrList {
  count: number;
  /** Dictionary id of the key. Unused (empty) in the list of array elements. */
  key: Uint32Array;
  type: Uint8Array;
  f64: Float64Array;
  i64: BigInt64Array;
  /** Little-endian halves: low word at `2 * i`, high word at `2 * i + 1`. */
  u32: Uint32Array;
  readonly #keyed: boolean;

  constructor(capacity: number, keyed = true, handle?: AttrListHandle) {
    this.#keyed = keyed;
    this.count = handle?.count ?? 0;
    this.key = handle?.key ?? sharedU32(keyed ? capacity : 0);
    this.type = handle?.type ?? sharedBytes(capacity);
    this.f64 = handle?.value ?? sharedF64(capacity);
    this.i64 = new BigInt64Array(this.f64.buffer, this.f64.byteOffset, this.f64.length);
    this.u32 = new Uint32Array(this.f64.buffer, this.f64.byteOffset, this.f64.length * 2);
  }

  handle(): AttrListHandle {
    return { count: this.count, key: this.key, type: this.type, value: this.f64 };
  }

  /** Makes room for `more` further entries. */
  ensure(more: number): void {
    const need = this.count + more;
    if (need <= this.type.length) return;
    const capacity = Math.max(need, this.type.length * 2);
    if (this.#keyed) this.key = sharedU32(capacity, this.key);
    this.type = sharedBytes(capacity, this.type);
    this.f64 = sharedF64(capacity, this.f64);
    this.i64 = new BigInt64Array(this.f64.buffer);
    this.u32 = new Uint32Array(this.f64.buffer);
  }
}
