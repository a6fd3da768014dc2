// Files are read back with an independent reader (hyparquet).
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { describe, expect, it } from 'vitest';
import { Codec, ConvertedType, PhysicalType, Repetition } from '../format.ts';
import type { SchemaElement } from '../format.ts';
import { MemorySink } from './byte-sink.ts';
import { BytesValues } from './bytes-values.ts';
import type { ColumnValues } from './column-values.ts';
import { BytesDictionary, DictionaryBuilder, DictionaryValues, Int32Dictionary, Int64Dictionary } from './dictionary-values.ts';
import { Int32Values, Int64Values } from './int-values.ts';
import { Levels } from './levels.ts';
import { ParquetWriter } from './parquet-writer.ts';
import type { ColumnData } from './parquet-writer.ts';
import { BooleanValues, DoubleValues } from './plain-values.ts';

const required = { repetition: Repetition.REQUIRED };

function bytesValues(values: readonly Uint8Array[]): BytesValues {
  const ends: number[] = [];
  let size = 0;
  for (const value of values) ends.push((size += value.length));
  return new BytesValues(Uint8Array.from(values.flatMap((value) => [...value])), Uint32Array.from(ends));
}

function dictionaryValues(values: readonly Uint8Array[]): DictionaryValues {
  // Ids far apart, in a source that knows more than the column uses.
  const pool = [...new Map(values.map((v) => [Buffer.from(v).toString('hex'), v])).values()];
  const ids = Uint32Array.from(values.map((v) => pool.findIndex((p) => Buffer.from(p).equals(v)) * 3 + 1));
  const source = {
    byteLength: (id: number) => pool[(id - 1) / 3].length,
    copyTo: (id: number, out: Uint8Array, at: number) => {
      out.set(pool[(id - 1) / 3], at);
      return pool[(id - 1) / 3].length;
    },
  };
  const entries = new DictionaryBuilder().densify(ids, ids.length, pool.length * 3 + 2);
  return new DictionaryValues(PhysicalType.BYTE_ARRAY, ids, new BytesDictionary(entries, source));
}

function halves(values: readonly bigint[]): Uint32Array {
  return new Uint32Array(BigUint64Array.from(values.map((v) => BigInt.asUintN(64, v))).buffer);
}

async function readBack(schema: SchemaElement[], columns: ColumnData[], rows: number, pageVersion: 1 | 2): Promise<Record<string, unknown>[]> {
  const sink = new MemorySink();
  const writer = new ParquetWriter(sink, schema, { createdBy: 'test', pageVersion });
  for (const column of columns) writer.writeColumn(column);
  writer.endRowGroup(rows);
  const file = writer.finish();
  expect(file).toMatchObject({ rows, rowGroups: 1, size: sink.position });
  return parquetReadObjects({ file: sink.bytes().slice().buffer, compressors, utf8: false });
}

const codecs = fc.constantFrom(Codec.UNCOMPRESSED, Codec.SNAPPY, Codec.GZIP, Codec.ZSTD);
const versions = fc.constantFrom<1 | 2>(1, 2);
const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: 0n, max: 3n }), fc.constant(1_700_000_000_000_000_000n));
const int32 = fc.oneof(fc.integer(), fc.integer({ min: -2, max: 2 }));
const bytes = fc.uint8Array({ maxLength: 40 });
const repeated = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc
    .array(fc.tuple(arbitrary, fc.integer({ min: 1, max: 60 })), { minLength: 1, maxLength: 20 })
    .map((runs) => runs.flatMap(([value, n]) => Array<T>(n).fill(value)));
const many = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.oneof(fc.array(arbitrary, { minLength: 1, maxLength: 400 }), repeated(arbitrary));

async function column<T>(type: PhysicalType, values: readonly T[], encoded: ColumnValues, codec: Codec, version: 1 | 2): Promise<unknown[]> {
  const schema: SchemaElement[] = [
    { name: 'root', numChildren: 1 },
    { name: 'c', type, ...required },
  ];
  const { slots, definition } = Levels.rows(values.length);
  return (await readBack(schema, [{ slots, definition, values: encoded, codec }], values.length, version)).map((row) => row.c);
}

describe('ParquetWriter', () => {
  it('stores 64-bit integers as deltas and by dictionary', async () => {
    await fc.assert(
      fc.asyncProperty(many(int64), codecs, versions, async (values, codec, version) => {
        expect(await column(PhysicalType.INT64, values, new Int64Values(halves(values), false), codec, version)).toEqual(values);
        const entries = [...new Set(values)];
        const indices = Uint32Array.from(values.map((v) => entries.indexOf(v)));
        const dictionary = new DictionaryValues(PhysicalType.INT64, indices, new Int64Dictionary(halves(entries), false));
        expect(await column(PhysicalType.INT64, values, dictionary, codec, version)).toEqual(values);
      }),
    );
  });

  it('stores 32-bit integers as deltas and by dictionary', async () => {
    await fc.assert(
      fc.asyncProperty(many(int32), codecs, versions, async (values, codec, version) => {
        expect(await column(PhysicalType.INT32, values, new Int32Values(Int32Array.from(values)), codec, version)).toEqual(values);
        const entries = [...new Set(values)];
        const indices = Uint32Array.from(values.map((v) => entries.indexOf(v)));
        const dictionary = new DictionaryValues(PhysicalType.INT32, indices, new Int32Dictionary(Int32Array.from(entries)));
        expect(await column(PhysicalType.INT32, values, dictionary, codec, version)).toEqual(values);
      }),
    );
  });

  it('stores byte strings with their lengths as deltas and by dictionary', async () => {
    await fc.assert(
      fc.asyncProperty(many(bytes), codecs, versions, async (values, codec, version) => {
        expect(await column(PhysicalType.BYTE_ARRAY, values, bytesValues(values), codec, version)).toEqual(values);
        expect(await column(PhysicalType.BYTE_ARRAY, values, dictionaryValues(values), codec, version)).toEqual(values);
      }),
    );
  });

  it('stores booleans and doubles', async () => {
    await fc.assert(
      fc.asyncProperty(many(fc.boolean()), many(fc.double()), codecs, versions, async (flags, doubles, codec, version) => {
        const bits = Uint8Array.from(flags.map(Number));
        expect(await column(PhysicalType.BOOLEAN, flags, new BooleanValues(bits), codec, version)).toEqual(flags);
        expect(await column(PhysicalType.DOUBLE, doubles, new DoubleValues(Float64Array.from(doubles)), codec, version)).toEqual(doubles);
      }),
    );
  });

  it('nests lists in lists, with empty ones and optional leaves', async () => {
    const inner = fc.array(fc.option(int32, { nil: null }), { maxLength: 4 });
    const row = fc.array(inner, { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.array(row, { minLength: 1, maxLength: 60 }), repeated(row)), codecs, versions, async (rows, codec, version) => {
        const list = (name: string): SchemaElement[] => [
          { name, numChildren: 1, ...required, convertedType: ConvertedType.LIST },
          { name: 'list', numChildren: 1, repetition: Repetition.REPEATED },
        ];
        const schema: SchemaElement[] = [
          { name: 'root', numChildren: 1 },
          ...list('a'),
          ...list('element'),
          { name: 'element', type: PhysicalType.INT32, repetition: Repetition.OPTIONAL },
        ];
        const lists = rows.flat();
        const leaves = lists.flat();
        const outer = Levels.rows(rows.length).list(ends(rows), lists.length);
        const levels = outer.list(ends(lists), leaves.length);
        const isSet = Uint32Array.from(leaves.map((v) => (v === null ? 0 : 1)));
        const values = Int32Array.from(leaves.filter((v) => v !== null));
        const data = { slots: levels.slots, definition: levels.optional(isSet, values.length), values: new Int32Values(values), codec };
        expect(await readBack(schema, [data], rows.length, version)).toEqual(rows.map((a) => ({ a })));
      }),
      { numRuns: 200 },
    );
  });

  it('refuses columns of another type than the schema and row groups that lack columns', () => {
    const schema: SchemaElement[] = [
      { name: 'root', numChildren: 1 },
      { name: 'c', type: PhysicalType.INT64, ...required },
    ];
    const writer = new ParquetWriter(new MemorySink(), schema, { createdBy: 'test', pageVersion: 2 });
    const { slots } = Levels.rows(1);
    expect(() => writer.writeColumn({ slots, definition: 0, values: new Int32Values(Int32Array.of(1)), codec: Codec.SNAPPY })).toThrow('column 0 is c');
    expect(() => writer.endRowGroup(1)).toThrow('0 of 1 columns');
  });
});

function ends(lists: readonly { length: number }[]): Uint32Array {
  let end = 0;
  return Uint32Array.from(lists.map((list) => (end += list.length)));
}
