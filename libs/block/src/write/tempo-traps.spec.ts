// What makes a real Tempo crash, fail or see nothing (docs/format/block.md, "Traps"). Checked on the bytes with a Thrift reader of this file's own.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { MemorySink, PageType, PhysicalType } from '@vivace/parquet';
import { tableOf } from '@vivace/testkit';
import type { PlainSpan, PlainTrace } from '@vivace/testkit';
import { orderByTrace } from '@vivace/trace';
import { describe, expect, it } from 'vitest';
import { formatBlockMeta } from '../meta.ts';
import { blockFiles } from './block-files.ts';
import { BlockWriter } from './block-writer.ts';
import type { FinishedBlock } from './block-writer.ts';
import { sliceOrder } from './row-groups.ts';

const SAMPLE = fileURLToPath(
  new URL('../../../../testdata/block/sample-block/single-tenant/1dbe6a53-77f6-4d73-a797-5217b31e5123/data.parquet', import.meta.url),
);

type Thrift = number | bigint | boolean | Uint8Array | Thrift[] | Struct;
interface Struct {
  readonly [field: number]: Thrift;
}

/** Any Thrift compact struct at `at`, by field id. */
function readStruct(bytes: Uint8Array, at: number): { value: Struct; end: number } {
  let p = at;
  const varint = (): bigint => {
    let v = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const b = bytes[p++];
      v |= BigInt(b & 0x7f) << shift;
      if (b < 0x80) return v;
    }
  };
  const zigzag = (): number => {
    const v = varint();
    return Number((v >> 1n) ^ -(v & 1n));
  };
  const read = (type: number): Thrift => {
    if (type === 1 || type === 2) return bytes[p++] === 1;
    if (type === 3) return bytes[p++];
    if (type <= 6) return zigzag();
    if (type === 8) {
      const n = Number(varint());
      p += n;
      return bytes.slice(p - n, p);
    }
    if (type === 9) {
      const head = bytes[p++];
      const n = head >>> 4 === 15 ? Number(varint()) : head >>> 4;
      return Array.from({ length: n }, () => read(head & 15));
    }
    if (type !== 12) throw new Error(`thrift type ${type} at ${p}`);
    const fields: Record<number, Thrift> = {};
    for (let id = 0; ; ) {
      const head = bytes[p++];
      if (head === 0) return fields;
      id = head >>> 4 === 0 ? zigzag() : id + (head >>> 4);
      const fieldType = head & 15;
      fields[id] = fieldType <= 2 ? fieldType === 1 : read(fieldType);
    }
  };
  const value = read(12) as Struct;
  return { value, end: p };
}

function footerOf(file: Uint8Array): { footer: Struct; size: number } {
  const size = new DataView(file.buffer, file.byteOffset).getUint32(file.length - 8, true);
  return { footer: readStruct(file, file.length - 8 - size).value, size };
}

interface Page {
  readonly type: number;
  readonly header: Struct;
  readonly encoding: number;
  readonly body: Uint8Array;
}

function pagesOf(file: Uint8Array, chunk: Struct): Page[] {
  const meta = chunk[3] as Struct;
  const start = (meta[11] ?? meta[9]) as number;
  const end = start + (meta[7] as number);
  const pages: Page[] = [];
  for (let at = start; at < end; ) {
    const { value: header, end: bodyAt } = readStruct(file, at);
    const info = (header[5] ?? header[7] ?? header[8]) as Struct;
    const type = header[1] as number;
    at = bodyAt + (header[3] as number);
    pages.push({ type, header, encoding: info[type === PageType.DATA_PAGE_V2 ? 4 : 2] as number, body: file.subarray(bodyAt, at) });
  }
  return pages;
}

const text = (bytes: Thrift): string => Buffer.from(bytes as Uint8Array).toString();
const pathOf = (chunk: Struct): string => ((chunk[3] as Struct)[3] as Thrift[]).map(text).join('.');

function sampleTraces(count: number): PlainTrace[] {
  return Array.from({ length: count }, (_, t) => ({
    traceId: (t + 1).toString(16).padStart(32, '0'),
    spans: Array.from(
      { length: 5 },
      (_, i): PlainSpan => ({
        spanId: (i + 1).toString(16).padStart(16, '0'),
        parentId: i === 0 ? '' : '0000000000000001',
        name: 'a name of more than sixteen bytes',
        kind: 1,
        startNs: 1_700_000_000_500_000_000n,
        endNs: 1_700_000_001_200_000_000n,
        status: 0,
        attrs: [
          ['ok', i % 2 === 0],
          ['n', BigInt(i)],
          ['s', `a value of more than sixteen bytes ${i}`],
          ['many', ['x', 'y']],
        ],
        events: [{ name: 'e', timeNs: 1_700_000_001_000_000_000n, attrs: [['k', 1.5]] }],
        links: [{ traceId: '0'.repeat(31) + '9', spanId: '0'.repeat(15) + '9', attrs: [['k', 'v']] }],
        resource: [
          ['service.name', 'shop'],
          ['zone', 'b'],
        ],
        scope: { name: 'lib', version: '1', attrs: [['k', 'v']] },
      }),
    ),
  }));
}

function write(traces: readonly PlainTrace[], groups = 1): { file: Uint8Array; block: FinishedBlock } {
  const table = tableOf(traces);
  const order = orderByTrace(table);
  const sink = new MemorySink();
  const writer = new BlockWriter(sink, {
    blockId: '11111111-2222-4333-8444-555555555555',
    tenantId: 'team-a',
    dedicatedColumns: [{ scope: 'span', name: 's', type: 'string' }],
  });
  for (let g = 0; g < groups; g++)
    writer.writeRowGroup(table, sliceOrder(order, Math.floor((order.traceCount * g) / groups), Math.floor((order.traceCount * (g + 1)) / groups)));
  const block = writer.finish();
  return { file: sink.bytes().slice(), block };
}

describe('a block as Tempo wants it', () => {
  const { file, block } = write(sampleTraces(9), 3);
  const { footer, size } = footerOf(file);
  const rowGroups = footer[4] as Struct[];
  const chunks = rowGroups.flatMap((group) => group[1] as Struct[]);

  it("has the schema of a block written by Tempo, element by element: 181 of them, 103 columns in Tempo's order", () => {
    const theirs = footerOf(new Uint8Array(readFileSync(SAMPLE))).footer;
    const elements = footer[2] as Struct[];
    expect(elements).toHaveLength(181);
    expect(elements).toEqual(theirs[2]);
    expect(elements.slice(1).filter((e) => e[5] === undefined)).toHaveLength(103);
    const paths = ((theirs[4] as Struct[])[0][1] as Struct[]).map(pathOf);
    for (const group of rowGroups) expect((group[1] as Struct[]).map(pathOf)).toEqual(paths);
    expect(footer[7]).toHaveLength(103);
  });

  it('says isSigned of every integer, true or false', () => {
    const integers = (footer[2] as Struct[]).map((e) => (e[10] as Struct | undefined)?.[10] as Struct | undefined).filter((e) => e !== undefined);
    expect(integers).toHaveLength(26);
    for (const integer of integers) expect([typeof integer[1], typeof integer[2]]).toEqual(['number', 'boolean']);
  });

  it('stores booleans PLAIN', () => {
    const booleans = chunks.filter((chunk) => (chunk[3] as Struct)[1] === PhysicalType.BOOLEAN);
    expect(booleans).toHaveLength(10 * rowGroups.length);
    for (const chunk of booleans) for (const page of pagesOf(file, chunk)) expect(page.encoding).toBe(0);
  });

  it('dictionary codes the Key columns of all five attribute lists', () => {
    const keys = chunks.filter((chunk) => pathOf(chunk).endsWith('.Attrs.list.element.Key'));
    expect(keys).toHaveLength(5 * rowGroups.length);
    for (const chunk of keys) expect(pagesOf(file, chunk).map((page) => page.type)).toEqual([PageType.DICTIONARY_PAGE, PageType.DATA_PAGE]);
  });

  it('never mixes dictionary and other pages in a column', () => {
    for (const chunk of chunks) {
      const pages = pagesOf(file, chunk);
      const encodings = new Set(pages.filter((page) => page.type !== PageType.DICTIONARY_PAGE).map((page) => page.encoding));
      expect(encodings.size).toBe(1);
      expect(encodings.has(8)).toBe(pages[0].type === PageType.DICTIONARY_PAGE);
    }
  });

  it('writes no statistics field that parquet-go does not know', () => {
    for (const chunk of chunks) {
      const statistics = (chunk[3] as Struct)[12] as Struct;
      expect(Object.keys(statistics).filter((field) => !['3', '5', '6'].includes(field))).toEqual([]);
    }
    for (const chunk of chunks) for (const { header } of pagesOf(file, chunk)) expect(((header[5] ?? header[7]) as Struct)[5]).toBeUndefined();
  });

  it('numbers the row groups', () => {
    expect(rowGroups.map((group) => group[7])).toEqual([0, 1, 2]);
    expect(rowGroups.map((group) => group[3])).toEqual([3, 3, 3]);
  });

  it('checks every page by CRC-32', () => {
    for (const chunk of chunks) for (const { header, body } of pagesOf(file, chunk)) expect((header[4] as number) >>> 0).toBe(crc32(body));
  });

  it('has exact counts and sizes in its meta', () => {
    expect(block.meta).toMatchObject({
      format: 'vParquet4',
      tenantId: 'team-a',
      totalObjects: 9,
      totalRecords: 3,
      size: file.length,
      footerSize: size,
      bloomShards: 1,
    });
    const json = JSON.parse(formatBlockMeta(block.meta)) as Record<string, unknown>;
    expect(json).toEqual({
      format: 'vParquet4',
      blockID: '11111111-2222-4333-8444-555555555555',
      tenantID: 'team-a',
      startTime: '2023-11-14T22:13:20Z',
      endTime: '2023-11-14T22:13:22Z',
      totalObjects: 9,
      size: file.length,
      compactionLevel: 0,
      encoding: 'none',
      indexPageSize: 0,
      totalRecords: 3,
      dataEncoding: '',
      bloomShards: 1,
      footerSize: size,
      dedicatedColumns: [{ n: 's' }],
    });
  });

  it('lists its files with meta.json last', () => {
    expect(blockFiles(block, '/data').map((f) => f.name)).toEqual(['data.parquet', 'bloom-0', 'index', 'meta.json']);
  });

  it('points to every page from the offset index', () => {
    for (const chunk of chunks) {
      const pages = (readStruct(file, chunk[4] as number).value[1] as Struct[]).map((page) => [page[1], page[2], page[3]]);
      expect(pages).toEqual([[(chunk[3] as Struct)[9], ((chunk[3] as Struct)[7] as number) - dictionaryBytes(chunk), 0]]);
    }
  });

  it('bounds number columns in the column index', () => {
    const chunk = chunks.find((c) => pathOf(c) === 'DurationNano');
    const index = readStruct(file, chunk?.[6] as number).value;
    expect(index[1]).toEqual([false]);
    expect(Buffer.from((index[2] as Uint8Array[])[0]).readBigUInt64LE()).toBe(700_000_000n);
    expect(Buffer.from((index[3] as Uint8Array[])[0]).readBigUInt64LE()).toBe(700_000_000n);
  });

  it('refuses traces out of order and row groups without spans', () => {
    const table = tableOf(sampleTraces(2));
    const order = orderByTrace(table);
    const writer = new BlockWriter(new MemorySink(), { blockId: '', tenantId: '', dedicatedColumns: [] });
    writer.writeRowGroup(table, sliceOrder(order, 1, 2));
    expect(() => writer.writeRowGroup(table, sliceOrder(order, 0, 1))).toThrow('ascend');
    expect(() => writer.writeRowGroup(table, sliceOrder(order, 1, 2))).toThrow('ascend');
    expect(() => writer.writeRowGroup(table, sliceOrder(order, 0, 0))).toThrow('without spans');
  });
});

function dictionaryBytes(chunk: Struct): number {
  const meta = chunk[3] as Struct;
  return meta[11] === undefined ? 0 : (meta[9] as number) - (meta[11] as number);
}
