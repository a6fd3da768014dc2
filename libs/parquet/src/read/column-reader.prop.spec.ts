// Encoders here are written after the format's text, value by value, and share nothing with the writer.
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { encodeUtf8 } from '@vivace/bytes';
import fc from 'fast-check';
import { compressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { Codec, Encoding, PhysicalType, Repetition } from '../format.ts';
import { ByteBuffer } from '../write/byte-buffer.ts';
import { writeDataPageV1Header, writeDataPageV2Header, writeDictionaryPageHeader } from '../write/metadata-writer.ts';
import { ColumnReader } from './column-reader.ts';
import type { DecodedValues } from './column-reader.ts';
import type { ReadLeaf } from './schema-leaves.ts';

const cat = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array => new Uint8Array(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
const u32le = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];

function uleb(value: bigint): number[] {
  const out: number[] = [];
  for (; value > 127n; value >>= 7n) out.push(Number(value & 127n) | 128);
  return [...out, Number(value)];
}

const zigzag = (value: bigint): number[] => uleb(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));

/** Bit-packs, least significant bit first, padded to whole groups of eight. */
function pack(values: readonly bigint[], width: number): Uint8Array {
  let bits = 0n;
  values.forEach((value, i) => (bits |= BigInt.asUintN(width, value) << BigInt(i * width)));
  return Uint8Array.from({ length: Math.ceil(values.length / 8) * width }, (_, i) => Number((bits >> BigInt(8 * i)) & 255n));
}

/** RLE runs and bit-packed runs, chosen by `choice`. */
function hybrid(values: readonly number[], width: number, choice: readonly boolean[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let i = 0, run = 0; i < values.length; run++) {
    let same = 1;
    while (i + same < values.length && values[i + same] === values[i]) same++;
    if (choice[run % choice.length] || same > 16) {
      const value = Array.from({ length: Math.ceil(width / 8) }, (_, b) => Math.floor(values[i] / 2 ** (8 * b)) & 255);
      parts.push(cat(uleb(BigInt(same) << 1n), value));
      i += same;
    } else {
      const group = values.slice(i, i + 8 * (1 + (run % 3)));
      parts.push(cat(uleb((BigInt(Math.ceil(group.length / 8)) << 1n) | 1n), pack(group.map(BigInt), width)));
      i += group.length;
    }
  }
  return cat(...parts);
}

function deltaPacked(values: readonly bigint[], block = 128, miniblocks = 4): Uint8Array {
  const parts: (Uint8Array | number[])[] = [uleb(BigInt(block)), uleb(BigInt(miniblocks)), uleb(BigInt(values.length)), zigzag(values[0] ?? 0n)];
  const deltas = values.slice(1).map((value, i) => BigInt.asIntN(64, value - values[i]));
  for (let i = 0; i < deltas.length; i += block) {
    const part = deltas.slice(i, i + block);
    const min = part.reduce((a, b) => (b < a ? b : a));
    const size = block / miniblocks;
    const minis = Array.from({ length: miniblocks }, (_, m) => part.slice(m * size, (m + 1) * size).map((d) => BigInt.asUintN(64, d - min)));
    const widths = minis.map((mini) => mini.reduce((w, d) => Math.max(w, d.toString(2).length * Number(d > 0n)), 0));
    parts.push(zigzag(min), widths);
    minis.forEach((mini, m) => {
      if (mini.length > 0) parts.push(pack([...mini, ...new Array<bigint>(size - mini.length).fill(0n)], widths[m]));
    });
  }
  return cat(...parts);
}

const lengths = (values: readonly Uint8Array[]): Uint8Array => deltaPacked(values.map((v) => BigInt(v.length)));

function deltaByteArrays(values: readonly Uint8Array[]): Uint8Array {
  const prefixes = values.map((value, i) => {
    let n = 0;
    const before = values[i - 1];
    while (before && n < before.length && n < value.length && before[n] === value[n]) n++;
    return n;
  });
  const suffixes = values.map((value, i) => value.subarray(prefixes[i]));
  return cat(deltaPacked(prefixes.map(BigInt)), lengths(suffixes), ...suffixes);
}

const plainByteArrays = (values: readonly Uint8Array[]): Uint8Array => cat(...values.flatMap((value) => [u32le(value.length), value]));

const COMPRESS: Readonly<Record<number, (bytes: Uint8Array) => Uint8Array>> = {
  [Codec.UNCOMPRESSED]: (bytes) => bytes,
  [Codec.SNAPPY]: (bytes) => compressSync(Buffer.from(bytes)),
  [Codec.GZIP]: (bytes) => gzipSync(bytes),
  [Codec.ZSTD]: (bytes) => zstdCompressSync(bytes),
};

interface Column {
  readonly type: PhysicalType;
  readonly codec: Codec;
  readonly version: 1 | 2;
  readonly typeLength?: number;
  readonly dictionary?: { readonly count: number; readonly bytes: Uint8Array };
  /** Values of each page, nulls where undefined. */
  readonly pages: readonly { readonly encoding: Encoding; readonly present: readonly boolean[]; readonly bytes: Uint8Array }[];
}

/** A column of optional values as the bytes of its chunk. */
function readerOf(column: Column, checkCrc = true): ColumnReader {
  const { type, codec, version, dictionary } = column;
  const compress = COMPRESS[codec];
  const out = new ByteBuffer();
  let entries = 0;
  if (dictionary) {
    const body = compress(dictionary.bytes);
    writeDictionaryPageHeader(dictionary.count, Encoding.PLAIN, { uncompressed: dictionary.bytes.length, compressed: body.length, crc: 0 }, out);
    out.append(body);
  }
  for (const page of column.pages) {
    entries += page.present.length;
    const levels = hybrid(page.present.map(Number), 1, [false, true]);
    const info = { slots: page.present.length, encoding: page.encoding, crc: 0 };
    if (version === 1) {
      const plain = cat(u32le(levels.length), levels, page.bytes);
      const body = compress(plain);
      writeDataPageV1Header({ ...info, uncompressed: plain.length, compressed: body.length }, out);
      out.append(body);
    } else {
      const body = compress(page.bytes);
      const nulls = page.present.filter((p) => !p).length;
      writeDataPageV2Header(
        {
          ...info,
          uncompressed: levels.length + page.bytes.length,
          compressed: levels.length + body.length,
          nulls,
          rows: page.present.length,
          definitionBytes: levels.length,
          repetitionBytes: 0,
          isCompressed: true,
        },
        out,
      );
      out.append(cat(levels, body));
    }
  }
  const leaf: ReadLeaf = {
    index: 0,
    path: 'x',
    type,
    maxDefinition: 1,
    maxRepetition: 0,
    repeatedAt: [],
    element: { name: 'x', type, repetition: Repetition.OPTIONAL, ...(column.typeLength && { typeLength: column.typeLength }) },
  };
  return new ColumnReader({ name: 'file', leaf, codec, checkCrc, sections: [{ bytes: out.view().slice(), offset: 4 }], entries, partial: false });
}

/** Values spelled out, whatever form they were decoded into. */
function spelled(values: DecodedValues): (string | number | bigint)[] {
  const text = (bytes: Uint8Array, ends: Uint32Array, i: number): string => Buffer.from(bytes.subarray(i === 0 ? 0 : ends[i - 1], ends[i])).toString('hex');
  const n = { length: values.length };
  switch (values.kind) {
    case 'dictionary':
      return Array.from(n, (_, i) => text(values.dictionary.bytes, values.dictionary.ends, values.ids[i]));
    case 'bytes':
      return Array.from(n, (_, i) => text(values.bytes, values.ends, i));
    case 'i64':
      return Array.from(new BigInt64Array(values.u32.buffer).subarray(0, values.length));
    case 'i32':
      return [...values.i32];
    case 'bool':
      return [...values.u8];
    case 'f64':
      return [...values.f64];
    case 'f32':
      return [...values.f32];
    default:
      return Array.from(n, (_, i) => Buffer.from(values.bytes.subarray(i * values.width, (i + 1) * values.width)).toString('hex'));
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const codecs = fc.constantFrom<Codec>(Codec.UNCOMPRESSED, Codec.SNAPPY, Codec.GZIP, Codec.ZSTD);
const versions = fc.constantFrom<1 | 2>(1, 2);
const int64 = fc.oneof(
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
  fc.bigInt({ min: -3n, max: 70n }),
  fc.bigInt({ min: 1_795_166_287_861_000_000n, max: 1_795_166_987_861_000_000n }),
);
const strings = fc.string({ unit: 'grapheme', maxLength: 20 }).map(encodeUtf8);
/** Pages of values, some of them null. */
const pagesOf = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<(T | undefined)[][]> =>
  fc.array(fc.array(fc.option(value, { nil: undefined, freq: 5 }), { minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 3 });

/** Encodes each page with one of `encoders` and checks levels, values, a range of them and the low words. */
function roundTrip<T>(
  value: fc.Arbitrary<T>,
  type: PhysicalType,
  encoders: readonly (readonly [Encoding, (values: T[]) => Uint8Array])[],
  spell: (value: T) => string | number | bigint,
  typeLength?: number,
): void {
  fc.assert(
    fc.property(pagesOf(value), codecs, versions, fc.nat(), (pages, codec, version, pick) => {
      const reader = readerOf({
        type,
        codec,
        version,
        ...(typeLength && { typeLength }),
        pages: pages.map((page, i) => {
          const [encoding, encode] = encoders[(pick + i) % encoders.length];
          return { encoding, present: page.map((v) => v !== undefined), bytes: encode(page.filter((v) => v !== undefined)) };
        }),
      });
      const expected = pages.flat().flatMap((v) => (v === undefined ? [] : [spell(v)]));
      const from = Math.floor(expected.length / 3);
      const half = Math.ceil(reader.entries / 2);
      const halfOf = pages.flat().slice(0, half);
      expect(reader.scanDefinition().countTo(half, 1)).toBe(halfOf.filter((v) => v !== undefined).length);
      expect(spelled(reader.copyValues(from, expected.length))).toEqual(expected.slice(from));
      expect(spelled(reader.values())).toEqual(expected);
      reader.release();
      expect(spelled(reader.values())).toEqual(expected);
      expect(reader.present()).toBe(expected.length);
      const levels = reader.definition();
      expect(Array.from({ length: levels.count }, (_, i) => (levels.constant < 0 ? levels.each[i] : levels.constant))).toEqual(
        pages.flat().map((v) => (v === undefined ? 0 : 1)),
      );
      if (type === PhysicalType.INT64) expect([...reader.lowWords()]).toEqual(expected.map((v) => Number(BigInt.asIntN(32, BigInt(v)))));
    }),
    { numRuns: 80 },
  );
}

describe('ColumnReader', () => {
  it('decodes INT64', () => {
    const plain = (values: bigint[]): Uint8Array => new Uint8Array(BigInt64Array.from(values).buffer);
    const split = (values: bigint[]): Uint8Array => {
      const bytes = plain(values);
      return Uint8Array.from(bytes, (_, i) => bytes[(i % values.length) * 8 + Math.floor(i / values.length)]);
    };
    roundTrip(
      int64,
      PhysicalType.INT64,
      [
        [Encoding.PLAIN, plain],
        [Encoding.DELTA_BINARY_PACKED, (v) => deltaPacked(v)],
        [Encoding.BYTE_STREAM_SPLIT, split],
      ],
      (v) => v,
    );
    roundTrip(int64, PhysicalType.INT64, [[Encoding.DELTA_BINARY_PACKED, (v) => deltaPacked(v, 256, 2)]], (v) => v);
  });

  it('decodes INT32', () => {
    roundTrip(
      fc.integer(),
      PhysicalType.INT32,
      [
        [Encoding.PLAIN, (v) => new Uint8Array(Int32Array.from(v).buffer)],
        [Encoding.DELTA_BINARY_PACKED, (v) => deltaPacked(v.map(BigInt))],
      ],
      (v) => v,
    );
  });

  it('decodes DOUBLE and FLOAT', () => {
    const numbers = fc.double({ noNaN: true, noDefaultInfinity: true });
    roundTrip(numbers, PhysicalType.DOUBLE, [[Encoding.PLAIN, (v) => new Uint8Array(Float64Array.from(v).buffer)]], (v) => v);
    roundTrip(fc.float({ noNaN: true }), PhysicalType.FLOAT, [[Encoding.PLAIN, (v) => new Uint8Array(Float32Array.from(v).buffer)]], (v) => v);
  });

  it('decodes BOOLEAN, run-length coded too', () => {
    roundTrip(
      fc.boolean(),
      PhysicalType.BOOLEAN,
      [
        [
          Encoding.PLAIN,
          (v) =>
            pack(
              v.map((b) => BigInt(b)),
              1,
            ),
        ],
        [Encoding.RLE, (v) => ((runs) => cat(u32le(runs.length), runs))(hybrid(v.map(Number), 1, [true, false, false]))],
      ],
      Number,
    );
  });

  it('decodes BYTE_ARRAY', () => {
    roundTrip(
      strings,
      PhysicalType.BYTE_ARRAY,
      [
        [Encoding.PLAIN, plainByteArrays],
        [Encoding.DELTA_LENGTH_BYTE_ARRAY, (v) => cat(lengths(v), ...v)],
        [Encoding.DELTA_BYTE_ARRAY, deltaByteArrays],
      ],
      hexOf,
    );
  });

  it('decodes FIXED_LEN_BYTE_ARRAY', () => {
    roundTrip(fc.uint8Array({ minLength: 5, maxLength: 5 }), PhysicalType.FIXED_LEN_BYTE_ARRAY, [[Encoding.PLAIN, (v) => cat(...v)]], hexOf, 5);
  });

  it('keeps the dictionary of byte arrays, whatever the width of its ids', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 32 }),
        codecs,
        versions,
        fc.array(fc.option(fc.nat({ max: 9 }), { nil: undefined }), { minLength: 1, maxLength: 400 }),
        (width, codec, version, cells) => {
          const words = Array.from({ length: 10 }, (_, i) => encodeUtf8('w'.repeat(i)));
          const ids = cells.flatMap((id) => (id === undefined ? [] : [id % 2 ** width]));
          const reader = readerOf({
            type: PhysicalType.BYTE_ARRAY,
            codec,
            version,
            dictionary: { count: words.length, bytes: plainByteArrays(words) },
            pages: [
              {
                encoding: Encoding.RLE_DICTIONARY,
                present: cells.map((id) => id !== undefined),
                bytes: cat([width], hybrid(ids, width, [true, false, false])),
              },
            ],
          });
          const middle = Math.floor(ids.length / 2);
          expect(spelled(reader.copyValues(middle, ids.length))).toEqual(ids.slice(middle).map((id) => hexOf(words[id])));
          const values = reader.values();
          expect(values.kind).toBe('dictionary');
          expect(spelled(values)).toEqual(ids.map((id) => hexOf(words[id])));
          if (values.kind === 'dictionary')
            expect([values.dictionary.find('www'), values.dictionary.find('x'), values.dictionary.get(2)]).toEqual([3, -1, 'ww']);
        },
      ),
      { numRuns: 120 },
    );
  });

  it('reads chunks that fell back from their dictionary, and dictionaries of numbers', () => {
    const words = ['a', 'bb'].map(encodeUtf8);
    const mixed = readerOf({
      type: PhysicalType.BYTE_ARRAY,
      codec: Codec.SNAPPY,
      version: 2,
      dictionary: { count: 2, bytes: plainByteArrays(words) },
      pages: [
        { encoding: Encoding.PLAIN_DICTIONARY, present: [true, true], bytes: cat([1], hybrid([1, 0], 1, [false])) },
        { encoding: Encoding.PLAIN, present: [true], bytes: plainByteArrays([encodeUtf8('ccc')]) },
      ],
    });
    expect(spelled(mixed.values())).toEqual(['bb', 'a', 'ccc'].map((w) => hexOf(encodeUtf8(w))));
    const numbers = (): ColumnReader =>
      readerOf({
        type: PhysicalType.INT64,
        codec: Codec.ZSTD,
        version: 1,
        dictionary: { count: 2, bytes: new Uint8Array(BigInt64Array.of(-1n, 1n << 40n).buffer) },
        pages: [{ encoding: Encoding.RLE_DICTIONARY, present: [true, false, true], bytes: cat([1], hybrid([1, 0], 1, [false])) }],
      });
    expect(spelled(numbers().values())).toEqual([1n << 40n, -1n]);
    expect([...numbers().lowWords()]).toEqual([0, -1]);
    expect(spelled(numbers().copyValues(1, 2))).toEqual([-1n]);
  });

  it('refuses ids beyond the dictionary', () => {
    const reader = readerOf({
      type: PhysicalType.BYTE_ARRAY,
      codec: Codec.UNCOMPRESSED,
      version: 2,
      dictionary: { count: 1, bytes: plainByteArrays([encodeUtf8('a')]) },
      pages: [{ encoding: Encoding.RLE_DICTIONARY, present: [true], bytes: cat([2], hybrid([3], 2, [true])) }],
    });
    expect(() => reader.values()).toThrow(/^file: dictionary id 3 of a dictionary of 1 at offset \d+$/);
  });
});
