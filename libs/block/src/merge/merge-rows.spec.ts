import { readFile } from 'node:fs/promises';
import { MemorySink } from '@vivace/parquet';
import { plainOf, tableOf } from '@vivace/testkit';
import type { PlainSpan, PlainTrace } from '@vivace/testkit';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { describe, expect, it } from 'vitest';
import { BlockCache } from '../read/block-cache.ts';
import { objectSource, openLayout, RowGroupAccess } from '../read/block-layout.ts';
import { openBlock } from '../read/block-reader.ts';
import { SAMPLE_BLOCK, sampleBlock, SAMPLE_TENANT, SAMPLES } from '../testing/sample-blocks.ts';
import type { SampleBlock } from '../testing/sample-blocks.ts';
import { writtenBlock } from '../testing/written-block.fixture.ts';
import { BlockWriter } from '../write/block-writer.ts';
import { MergePlan } from './merge-plan.ts';
import { MergeRows } from './merge-rows.ts';

/** The first row group of a block, read at once or page by page. */
async function rowsOf({ store, tenant, meta }: SampleBlock, wholeBytes: number): Promise<MergeRows> {
  const folder = `${tenant}/${meta.blockId}`;
  const source = objectSource(store, `${folder}/data.parquet`, meta.size);
  const cache = new BlockCache();
  const layout = await openLayout(source, meta, cache);
  return MergeRows.open(new RowGroupAccess({ folder, meta, store, source, layout, cache, checkCrc: true }, 0), undefined, wholeBytes);
}

/** The block once more, its rows taken in turn from two readers of it, `rowGroupRows` a row group. */
async function copied(block: SampleBlock, wholeBytes: number, rowGroupRows = 1_000_000): Promise<Uint8Array> {
  const sources = [await rowsOf(block, wholeBytes), await rowsOf(block, wholeBytes)];
  const { blockId, tenantId, dedicatedColumns } = block.meta;
  const sink = new MemorySink();
  const writer = new BlockWriter(sink, { blockId, tenantId, dedicatedColumns });
  const { rowCount } = sources[0];
  for (let from = 0; from < rowCount; from += rowGroupRows) {
    const plan = new MergePlan();
    // Two of the one, one of the other.
    for (let row = from; row < Math.min(rowCount, from + rowGroupRows); row++) plan.add(sources[row % 3 === 2 ? 1 : 0], row);
    await plan.load();
    writer.writeMergedRows(plan);
  }
  for (const source of sources) source.close();
  expect(writer.finish().meta.totalObjects).toBe(block.meta.totalObjects);
  return sink.bytes();
}

const ways = [
  ['read at once', 1 << 30],
  ['read page by page', 0],
] as const;

describe.each(ways)('rows of a row group %s', (_way, wholeBytes) => {
  it('are the same in all 103 columns of a block of Tempo', async () => {
    const rows = (file: Uint8Array): Promise<unknown> => parquetReadObjects({ file: new Uint8Array(file).buffer, compressors, utf8: false });
    const theirs = await rows(await readFile(`${SAMPLES}sample-block/${SAMPLE_TENANT}/${SAMPLE_BLOCK}/data.parquet`));
    expect(await rows(await copied(await sampleBlock('sample-block', SAMPLE_BLOCK), wholeBytes))).toEqual(theirs);
  });

  it('are the same when pages and row groups end in the middle of what is taken', async () => {
    const traces = Array.from({ length: 40 }, (_, t) => trace(t));
    const block = await writtenBlock(tableOf(traces), [{ scope: 'span', name: 'k1', type: 'string' }]);
    const { store, tenant, meta } = block;
    for (const rowGroupRows of [7, 40]) {
      const bytes = await copied(block, wholeBytes, rowGroupRows);
      await store.put(`${tenant}/copy/data.parquet`, bytes);
      const reader = await openBlock({ store, tenant, meta: { ...meta, blockId: 'copy', size: bytes.length, footerSize: 0 } });
      const found: PlainTrace[] = [];
      for (let g = 0; g < reader.rowGroupCount; g++) found.push(...plainOf(await reader.readRowGroup(g)));
      expect(found).toEqual(plainOf(await (await openBlock(block)).readRowGroup(0)));
    }
  });
});

/** About a thousand spans; some traces have arrays, events or links, and one nothing but spans. */
function trace(t: number): PlainTrace {
  const traceId = (t + 1).toString(16).padStart(32, '0');
  return { traceId, spans: Array.from({ length: 500 + ((t * 397) % 1_000) }, (_, i) => span(t, i)) };
}

function span(t: number, i: number): PlainSpan {
  const startNs = 1_700_000_000_000_000_000n + BigInt(i * 1_000 + t);
  const isRich = t % 4 === 1 && i % 5 === 0;
  return {
    spanId: (i + 1).toString(16).padStart(16, '0'),
    parentId: i === 0 ? '' : '0000000000000001',
    name: `n${i % 7}`,
    kind: 1 + (i % 5),
    startNs,
    endNs: startNs + BigInt(10 * i),
    status: i % 3,
    statusMessage: i % 11 === 0 ? `message ${i}` : '',
    traceState: '',
    attrs:
      t % 10 === 9
        ? []
        : [
            ['k1', `v${i % 100}`],
            ['n', BigInt(i)],
            ['f', i / 3],
            ...(isRich
              ? ([
                  ['list', ['a', 'b', `c${i}`]],
                  ['http.status_code', 200n],
                ] as const)
              : []),
          ],
    events: isRich
      ? [
          {
            name: 'e',
            timeNs: startNs,
            attrs: [
              ['x', true],
              ['numbers', [1n, 2n]],
            ],
            dropped: 0,
          },
        ]
      : [],
    links: t === 2 ? [{ traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), traceState: '', attrs: [['l', 1n]], dropped: 0 }] : [],
    resource: [['service.name', `s${i % 3}`], ...(t % 2 === 0 ? ([['cluster', `c${t}`]] as const) : [])],
    scope: { name: 'lib', version: t % 3 === 0 ? '1' : '', attrs: [] },
    droppedAttrs: t === 5 ? i : 0,
    droppedEvents: 0,
    droppedLinks: 0,
  };
}
