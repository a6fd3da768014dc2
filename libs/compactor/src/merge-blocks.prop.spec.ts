import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openBlock } from '@vivace/block';
import type { BlockMeta } from '@vivace/block';
import { MemoryObjectStore } from '@vivace/object-store';
import { plainTraces } from '@vivace/testkit';
import type { PlainTrace } from '@vivace/testkit';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { mergeBlocks } from './merge-blocks.ts';
import type { MergeBlocksResult } from './merge-blocks.ts';
import { blockId, spansOf, storeBlock, TENANT, tracesIn, withoutTwins } from './testing.fixture.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vivace-merge-'));
afterAll(() => fs.rmSync(dir, { recursive: true }));

async function merge(store: MemoryObjectStore, inputs: readonly BlockMeta[], rowGroupSpans: number, maxBytesPerTrace = 0): Promise<MergeBlocksResult> {
  const result = await mergeBlocks(
    { tenant: TENANT, blockId: blockId(99), inputs, dir, bloomFalsePositive: 0.01, bloomShardBytes: 102_400, rowGroupSpans, maxBytesPerTrace },
    { open: (meta) => openBlock({ store, tenant: TENANT, meta }), pause: () => undefined, signal: new AbortController().signal },
  );
  for (const name of result.files) await store.putFile(`${TENANT}/${blockId(99)}/${name}`, path.join(dir, name));
  return result;
}

/** Spans dealt out to blocks, some to several. */
const shape = fc.record({
  traces: plainTraces(),
  deal: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 30 }),
  rowGroupSpans: fc.constantFrom(1, 7, 1_000),
});

function dealt(traces: readonly PlainTrace[], deal: readonly number[], block: number): PlainTrace[] {
  let n = 0;
  return withoutTwins(traces)
    .map(({ traceId, spans }) => ({ traceId, spans: spans.filter(() => ((deal[n++ % deal.length] >> block) & 1) === 1) }))
    .filter(({ spans }) => spans.length > 0);
}

describe('mergeBlocks', () => {
  it('makes of some blocks one with exactly their spans, each once, every trace in one row', async () => {
    await fc.assert(
      fc.asyncProperty(shape, async ({ traces, deal, rowGroupSpans }) => {
        const store = new MemoryObjectStore();
        const inputs: BlockMeta[] = [];
        for (let b = 0; b < 3; b++) {
          const mine = dealt(traces, deal, b);
          if (mine.length > 0) inputs.push(await storeBlock(store, blockId(b), mine, 2));
        }
        if (inputs.length === 0) return;
        const { meta, spans, cutTraces } = await merge(store, inputs, rowGroupSpans);
        expect(await spansOf(store, [meta])).toEqual(await spansOf(store, inputs));
        const found = await tracesIn(store, meta);
        expect(found.map((t) => t.traceId)).toEqual([...new Set(found.map((t) => t.traceId))].sort());
        expect(found.reduce((sum, t) => sum + t.spans.length, 0)).toBe(spans);
        expect(meta).toMatchObject({
          totalObjects: found.length,
          compactionLevel: 1,
          compactedFrom: inputs.map((input) => input.blockId),
          dedicatedColumns: inputs[0].dedicatedColumns,
        });
        // In the whole seconds that are stored.
        expect(Math.floor(meta.startMs / 1_000)).toBe(Math.min(...inputs.map((input) => Math.floor(input.startMs / 1_000))));
        expect(Math.ceil(meta.endMs / 1_000)).toBe(Math.max(...inputs.map((input) => Math.ceil(input.endMs / 1_000))));
        expect(cutTraces).toEqual([]);
        const reader = await openBlock({ store, tenant: TENANT, meta });
        for (const { traceId } of found) expect(await reader.findTrace(Buffer.from(traceId, 'hex'))).toBeDefined();
      }),
      { numRuns: 40 },
    );
  });

  it('cuts a trace that is too large when it is put together, and says by how much', async () => {
    const store = new MemoryObjectStore();
    const [model] = fc.sample(plainTraces(), { numRuns: 1, seed: 7 }).flat();
    const span = { ...model.spans[0], attrs: [['k', 'v'.repeat(1_000)]] as const };
    const trace = (from: number): PlainTrace => ({
      traceId: model.traceId,
      spans: Array.from({ length: 50 }, (_, i) => ({ ...span, spanId: String(from + i).padStart(16, '0') })),
    });
    const inputs = [await storeBlock(store, blockId(1), [trace(100)], 1), await storeBlock(store, blockId(2), [trace(200)], 1)];
    const { meta, cutTraces, combinedTraces } = await merge(store, inputs, 1_000, 60_000);
    expect(combinedTraces).toBe(1);
    expect(cutTraces).toEqual([{ traceId: model.traceId, keptSpans: expect.any(Number) as number, droppedSpans: expect.any(Number) as number }]);
    const [{ keptSpans, droppedSpans }] = cutTraces;
    expect(keptSpans + droppedSpans).toBe(100);
    expect(keptSpans).toBeGreaterThan(45);
    expect(keptSpans).toBeLessThan(60);
    expect((await tracesIn(store, meta))[0].spans).toHaveLength(keptSpans);
  });

  it('cuts a trace that all inputs have whole, too', async () => {
    const store = new MemoryObjectStore();
    const [model] = fc.sample(plainTraces(), { numRuns: 1, seed: 7 }).flat();
    const span = { ...model.spans[0], attrs: [['k', 'v'.repeat(1_000)]] as const };
    const trace = (id: string): PlainTrace => ({
      traceId: id,
      spans: Array.from({ length: 100 }, (_, i) => ({ ...span, spanId: String(100 + i).padStart(16, '0') })),
    });
    const ids = ['10', '20', '30'].map((id) => id.padStart(32, '0'));
    const inputs = [
      await storeBlock(store, blockId(1), [trace(ids[0]), trace(ids[1])], 1),
      await storeBlock(store, blockId(2), [trace(ids[1]), trace(ids[2])], 1),
    ];
    const { meta, cutTraces, duplicateSpans, spans } = await merge(store, inputs, 1_000, 60_000);
    expect(cutTraces.map(({ traceId }) => traceId)).toEqual([ids[1]]);
    const [{ keptSpans, droppedSpans }] = cutTraces;
    expect([keptSpans + droppedSpans, duplicateSpans, spans]).toEqual([100, 100, 200 + keptSpans]);
    expect((await tracesIn(store, meta)).map((found) => found.spans.length)).toEqual([100, keptSpans, 100]);
  });

  it('ends where it is told to', async () => {
    const store = new MemoryObjectStore();
    const traces = fc.sample(plainTraces(), { numRuns: 1, seed: 3 })[0];
    const inputs = [await storeBlock(store, blockId(1), traces, 1)];
    const merging = mergeBlocks(
      { tenant: TENANT, blockId: blockId(99), inputs, dir, bloomFalsePositive: 0.01, bloomShardBytes: 102_400, rowGroupSpans: 10, maxBytesPerTrace: 0 },
      {
        open: (meta) => openBlock({ store, tenant: TENANT, meta }),
        pause() {
          throw new Error('enough');
        },
        signal: new AbortController().signal,
      },
    );
    await expect(merging).rejects.toThrow('enough');
  });
});
