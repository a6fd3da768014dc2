import type { SpanTable, StringDictionary } from '@vivace/trace';
import { equalBytes } from '@vivace/bytes';
import { AttributeCache } from './attribute-cache.ts';

const NO_BYTES = new DataView(new ArrayBuffer(0));

/** What decoding into one table under one length limit carries from value to value and from request to request. */
export class DecodeContext {
  readonly table: SpanTable;
  readonly strings: StringDictionary;
  /** Keys and string values are cut there; MAX_SAFE_INTEGER when there is no limit. */
  readonly maxAttributeBytes: number;
  /** Over the bytes being decoded. */
  view: DataView = NO_BYTES;
  readonly attributes = new AttributeCache();
  /** Keys and string values cut so far. */
  cutStrings = 0;
  /** Ids of recent keys, direct-mapped. */
  readonly #keys = new Uint32Array(1024);

  constructor(table: SpanTable, maxAttributeBytes: number) {
    this.table = table;
    this.strings = table.strings;
    this.maxAttributeBytes = maxAttributeBytes;
  }

  /**
   * The dictionary id of an attribute key. The same few dozen keys come over and over: comparing with the last key that looked alike
   * saves the full hash and the probing, a tenth of the whole decode.
   */
  internKey(b: Uint8Array, from: number, to: number): number {
    const n = to - from;
    if (n < 4) return this.strings.intern(b, from, to);
    const slot = (n + b[to - 1] * 7 + b[to - 4] * 31 + b[from + (n >> 1)] * 131) & 1023;
    const id = this.#keys[slot];
    if (id !== 0) {
      const ends = this.strings.ends;
      const start = ends[id - 1];
      if (ends[id] - start === n && equalBytes(this.strings.data, start, b, from, n)) return id;
    }
    return (this.#keys[slot] = this.strings.intern(b, from, to));
  }
}
