import { plainOf, tableOf } from '@vivace/testkit';
import type { PlainSpan, PlainTrace } from '@vivace/testkit';
import { describe, expect, it } from 'vitest';
import { SAMPLE_BLOCK, sampleBlock } from '../testing/sample-blocks.ts';
import { writtenBlock } from '../testing/written-block.fixture.ts';
import { BlockCache } from './block-cache.ts';
import { openBlock } from './block-reader.ts';

const span = (id: number, name: string): PlainSpan => ({
  spanId: id.toString(16).padStart(16, '0'),
  parentId: id === 1 ? '' : '0000000000000001',
  name,
  kind: 1,
  startNs: 1_800_000_000_000_000_000n + BigInt(id),
  endNs: 1_800_000_000_000_001_000n,
  status: 0,
  attrs: [['n', BigInt(id)]],
  events: [],
  links: [],
  resource: [['service.name', 'cart']],
  scope: { name: '', version: '', attrs: [] },
});

/** Traces 1, 3, 5, …: ids in between are absent but inside the bounds. */
const traces = (count: number, spans: number): PlainTrace[] =>
  Array.from({ length: count }, (_, t) => ({
    traceId: (2 * t + 1).toString(16).padStart(32, '0'),
    spans: Array.from({ length: spans }, (__, s) => span(s + 1, `span ${s % 7} of ${t % 11}`)),
  }));

const idOf = (n: number): Uint8Array => {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(12, n);
  return id;
};

describe('what a look-up costs', () => {
  it('is one read of the bloom filter for a trace that is not there', async () => {
    const written = await writtenBlock(tableOf(traces(400, 5)), [], 4);
    const block = await openBlock(written);
    written.store.reads = 0;
    let negatives = 0;
    for (let n = 0; n < 400; n += 2) if ((await block.findTrace(idOf(n))) === undefined) negatives++;
    expect(negatives).toBe(200);
    // The filter is kept; one or two in a hundred ids pass it and are looked for.
    expect(written.store.reads).toBeLessThan(40);
  });

  it('is the pages that hold the row, not the row group', async () => {
    const written = await writtenBlock(tableOf(traces(4000, 10)), [], 1);
    const size = written.meta.size;
    const block = await openBlock(written);
    await block.findTrace(idOf(1));
    written.store.reads = 0;
    written.store.bytesRead = 0;
    const found = await block.findTrace(idOf(5001));
    expect(found && plainOf(found)[0]?.spans).toHaveLength(10);
    expect(written.store.bytesRead).toBeLessThan(size * 0.75);
    // Footer, bloom, page indexes, dictionaries and trace ids are known by now.
    expect(written.store.reads).toBeLessThanOrEqual(40);
  });

  it('opens a block with one read when the meta knows the footer', async () => {
    const written = await writtenBlock(tableOf(traces(3, 2)), []);
    const cache = new BlockCache();
    await openBlock({ ...written, cache });
    expect([written.store.reads, written.store.bytesRead]).toEqual([1, written.meta.footerSize + 8]);
    await openBlock({ ...written, cache });
    expect(written.store.reads).toBe(1);
    await openBlock({ ...written, meta: { ...written.meta, footerSize: 0 } });
    expect(written.store.reads).toBe(2);
  });

  it('keeps no more than the caches may hold', async () => {
    const written = await writtenBlock(tableOf(traces(50, 3)), [], 5);
    const cache = new BlockCache({ footerBytes: 0, bloomBytes: 100, indexBytes: 5000, dictionaryBytes: 200, traceIdBytes: 200 });
    const block = await openBlock({ ...written, cache });
    for (let n = 1; n < 100; n += 2) expect(await block.findTrace(idOf(n))).toBeDefined();
    for (const part of [cache.footers, cache.blooms, cache.indexes, cache.dictionaries, cache.traceIds]) expect(part.bytes).toBeLessThanOrEqual(part.maxBytes);
  });
});

describe('what a load costs', () => {
  it('is the columns asked for, and nothing twice', async () => {
    const sample = await sampleBlock('sample-block', SAMPLE_BLOCK);
    const block = await openBlock(sample);
    const columns = block.columns(0);
    await columns.load({ columns: new Set(['duration']), attrs: [] });
    const once = columns.inspectedBytes;
    expect(once).toBeGreaterThan(0);
    expect(once).toBeLessThan(sample.meta.size / 10);
    await columns.load({ columns: new Set(['duration']), attrs: [] });
    expect(columns.inspectedBytes).toBe(once);
    await columns.load({ columns: new Set(['kind']), attrs: [] });
    expect(columns.inspectedBytes).toBeGreaterThan(once);
  });

  it('is a dictionary for a key that nobody uses', async () => {
    const sample = await sampleBlock('sample-block', SAMPLE_BLOCK);
    const block = await openBlock(sample);
    const columns = block.columns(0);
    await columns.load({ columns: new Set(['name']), attrs: [] });
    const before = columns.inspectedBytes;
    await columns.load({ columns: new Set(), attrs: [{ scope: 'span', key: 'no such key' }] });
    expect(columns.attr('span', 'no such key')).toEqual([]);
    expect(columns.inspectedBytes - before).toBeLessThan(1000);
  });
});

describe('openBlock', () => {
  it('names object and offset when the block is cut', async () => {
    const sample = await sampleBlock('sample-block', SAMPLE_BLOCK);
    const key = `${sample.tenant}/${sample.meta.blockId}/data.parquet`;
    await sample.store.put(key, (await sample.store.get(key)).slice(0, 40_000));
    await expect(openBlock(sample)).rejects.toMatchObject({ code: 'data_loss', message: `object ${key}: 19945 bytes wanted at offset 35629, it has 40000` });
  });

  it('fails a look-up when the bloom filter is missing', async () => {
    const sample = await sampleBlock('sample-block', SAMPLE_BLOCK);
    await sample.store.delete(`${sample.tenant}/${sample.meta.blockId}/bloom-0`);
    const block = await openBlock(sample);
    await expect(block.findTrace(idOf(1))).rejects.toMatchObject({ code: 'data_loss', message: expect.stringContaining('bloom-0 does not exist') });
  });

  it('does not say of a file that is missing that there is nothing', async () => {
    const sample = await sampleBlock('sample-block', SAMPLE_BLOCK);
    await sample.store.delete(`${sample.tenant}/${sample.meta.blockId}/data.parquet`);
    await expect(openBlock(sample)).rejects.toMatchObject({ code: 'data_loss', message: expect.stringContaining('data.parquet does not exist') });
  });

  it('stops reading when told', async () => {
    const block = await openBlock(await sampleBlock('sample-block', SAMPLE_BLOCK));
    await expect(block.readRowGroup(0, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    await expect(block.findTrace(idOf(1), AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('some traces of a row group', () => {
  it('are read as whole row groups are', async () => {
    const all = traces(40, 4);
    const block = await openBlock(await writtenBlock(tableOf(all), [], 4));
    const group = plainOf(await block.readRowGroup(1));
    const some = plainOf(await block.readTraces(1, Uint32Array.of(0, 3, 9)));
    expect(some).toEqual([group[0], group[3], group[9]]);
  });

  it('are found by the last id of each row group', async () => {
    const block = await openBlock(await writtenBlock(tableOf(traces(40, 1)), [], 4));
    const last = Buffer.from((await block.lastIds()) ?? []).toString('hex');
    for (let group = 0; group < 4; group++) {
      expect(last.slice(group * 32, group * 32 + 32)).toBe(plainOf(await block.readRowGroup(group)).at(-1)?.traceId);
    }
  });
});
