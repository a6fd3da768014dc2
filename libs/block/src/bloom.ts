// The bloom filters of a block (docs/format/block.md): bits-and-blooms' format as Tempo stores it, sharded by trace id.
import { AppError, assert } from '@vivace/base';
import { fnv1 } from '@vivace/bytes';
import { murmur128 } from './murmur3.ts';

const HEADER = 24;
const ID_BYTES = 16;
/** Filters are handled with exact double arithmetic; see `location`. */
const MAX_BITS = 2 ** 26;
const MAX_SHARDS = 1000;
const WORD = 64;

export interface BloomOptions {
  /** Wanted rate of false positives, 0..1 exclusive. Tempo's key: `bloom_filter_false_positive`. */
  readonly falsePositive: number;
  /** Size of a full shard in bytes. Tempo's key: `bloom_filter_shard_size_bytes`. */
  readonly shardBytes: number;
}

export const DEFAULT_BLOOM: BloomOptions = { falsePositive: 0.01, shardBytes: 102_400 };

/** The shard that knows the trace whose id stands at `ids[at]`. */
export function bloomShard(ids: Uint8Array, at: number, shards: number): number {
  return fnv1(ids, at, at + ID_BYTES) % shards;
}

/**
 * The `bloom-N` files for `count` trace ids, 16 bytes each in `ids`. A block that fits into one shard gets a filter just large enough; the
 * size is in the file, so Tempo reads both.
 */
export function buildBlooms(ids: Uint8Array, count: number, { falsePositive, shardBytes }: BloomOptions = DEFAULT_BLOOM): Uint8Array[] {
  assert(count > 0, 'bloom of no traces');
  const total = Math.ceil((-count * Math.log(falsePositive)) / Math.LN2 ** 2);
  const hashes = Math.ceil((Math.LN2 * total) / count);
  const shards = Math.min(MAX_SHARDS, Math.max(1, Math.ceil(total / (8 * shardBytes))));
  const bits = shards === 1 ? Math.min(Math.ceil(total / WORD) * WORD, shardBytes * 8) : shardBytes * 8;
  assert(bits <= MAX_BITS, `bloom shard of ${bits} bits, at most ${MAX_BITS}`);
  const files = Array.from({ length: shards }, () => emptyFilter(bits, hashes));
  const h = new Uint32Array(8);
  for (let i = 0; i < count; i++) {
    const at = i * ID_BYTES;
    const file = files[shards === 1 ? 0 : bloomShard(ids, at, shards)];
    hashId(ids, at, h);
    for (let j = 0; j < hashes; j++) {
      const bit = location(h, j, bits);
      file[byteOf(bit)] |= 1 << (bit & 7);
    }
  }
  return files;
}

/** One shard as read. Borrows the file's bytes. */
export class BloomFilter {
  readonly #file: Uint8Array;
  readonly #bits: number;
  readonly #hashes: number;

  /** Throws `data_loss` naming `name` when the bytes are not a filter. */
  constructor(file: Uint8Array, name: string) {
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    const field = (at: number): number => Number(view.getBigUint64(at));
    if (file.length < HEADER) throw new AppError('data_loss', `${name}: ${file.length} bytes, a bloom filter has at least ${HEADER}`);
    this.#file = file;
    this.#bits = field(0);
    this.#hashes = field(8);
    const length = field(16);
    if (this.#bits === 0 || this.#bits > MAX_BITS || this.#hashes === 0 || this.#hashes > 255 || length !== this.#bits || file.length !== fileSize(this.#bits))
      throw new AppError('data_loss', `${name}: ${file.length} bytes do not hold a filter of ${this.#bits} bits and ${this.#hashes} hashes`);
  }

  /** False only when the block cannot have the trace. */
  mayContain(ids: Uint8Array, at = 0): boolean {
    hashId(ids, at, scratch);
    for (let j = 0; j < this.#hashes; j++) {
      const bit = location(scratch, j, this.#bits);
      if ((this.#file[byteOf(bit)] & (1 << (bit & 7))) === 0) return false;
    }
    return true;
  }
}

const scratch = new Uint32Array(8);

function fileSize(bits: number): number {
  return HEADER + Math.ceil(bits / WORD) * 8;
}

function emptyFilter(bits: number, hashes: number): Uint8Array {
  const file = new Uint8Array(fileSize(bits));
  const view = new DataView(file.buffer);
  view.setBigUint64(0, BigInt(bits));
  view.setBigUint64(8, BigInt(hashes));
  view.setBigUint64(16, BigInt(bits));
  return file;
}

/** Words are big-endian, bits within a word count from the low end. */
function byteOf(bit: number): number {
  return HEADER + (Math.floor(bit / WORD) << 3) + 7 - ((bit & 63) >>> 3);
}

/** Four 64-bit hashes as halves: murmur3 of the id, and of the id followed by a 1 byte. */
function hashId(ids: Uint8Array, at: number, h: Uint32Array): void {
  murmur128(ids, at, ID_BYTES, false, h, 0);
  murmur128(ids, at, ID_BYTES, true, h, 4);
}

/** `(h[i % 2] + i * h[2 + ((i + i % 2) % 4) / 2]) mod 2^64 mod m`, in halves. */
function location(h: Uint32Array, i: number, m: number): number {
  const a = (i % 2) * 2;
  const b = 4 + (((i + (i % 2)) % 4) / 2) * 2;
  // i < 256, so i * half is exact.
  const productLow = i * h[b];
  const sumLow = h[a] + (productLow % 4294967296);
  const high = (h[a + 1] + i * h[b + 1] + Math.floor(productLow / 4294967296) + (sumLow >= 4294967296 ? 1 : 0)) % 4294967296;
  // m is at most 2^26: both products stay below 2^53.
  return ((high % m) * (4294967296 % m) + ((sumLow % 4294967296) % m)) % m;
}
