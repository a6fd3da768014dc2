import type { Dictionary, OffsetIndex } from '@vivace/parquet';
import type { BloomFilter } from '../bloom.ts';
import type { BlockLayout } from './block-layout.ts';

/** Least-recently-used values, bounded by the bytes their owners say they take. */
export class ByteLru<V> {
  readonly maxBytes: number;
  readonly #entries = new Map<string, { readonly value: V; readonly bytes: number }>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // A Map iterates in order of insertion: putting the entry last makes the first one the oldest.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Keeps `value`, unless it alone is larger than the cache. */
  set(key: string, value: V, bytes: number): void {
    const before = this.#entries.get(key);
    if (before !== undefined) {
      this.#entries.delete(key);
      this.#bytes -= before.bytes;
    }
    if (bytes > this.maxBytes) return;
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.maxBytes) break;
      this.#entries.delete(oldest);
      this.#bytes -= entry.bytes;
    }
  }
}

export interface BlockCacheOptions {
  /** Parsed footers. */
  readonly footerBytes?: number;
  readonly bloomBytes?: number;
  /** Page indexes of row groups. */
  readonly indexBytes?: number;
  readonly dictionaryBytes?: number;
  /** Trace ids of the pages looked at. */
  readonly traceIdBytes?: number;
  /** Decoded columns of row groups. Repeated and similar queries (every refresh of a dashboard) then decode nothing. */
  readonly columnBytes?: number;
}

const MIB = 1024 * 1024;

/** What readers of blocks share and keep between reads. One instance may serve all blocks of a process; each part is bounded by itself. */
export class BlockCache {
  readonly footers: ByteLru<BlockLayout>;
  readonly blooms: ByteLru<BloomFilter>;
  readonly indexes: ByteLru<readonly (OffsetIndex | undefined)[]>;
  readonly dictionaries: ByteLru<Dictionary>;
  readonly traceIds: ByteLru<Uint8Array>;
  readonly columns: ByteLru<object>;
  /** What type the attributes with a key have: a guess, which saves decoding. */
  readonly attrTypes = new ByteLru<number>(MIB);

  constructor(options: BlockCacheOptions = {}) {
    this.footers = new ByteLru(options.footerBytes ?? 32 * MIB);
    this.blooms = new ByteLru(options.bloomBytes ?? 32 * MIB);
    this.indexes = new ByteLru(options.indexBytes ?? 16 * MIB);
    this.dictionaries = new ByteLru(options.dictionaryBytes ?? 32 * MIB);
    this.traceIds = new ByteLru(options.traceIdBytes ?? 16 * MIB);
    this.columns = new ByteLru(options.columnBytes ?? 128 * MIB);
  }
}
