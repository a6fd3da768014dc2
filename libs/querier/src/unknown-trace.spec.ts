import type { TenantId } from '@vivace/base';
import { BlockCache, BlockWriter } from '@vivace/block';
import { MemoryObjectStore } from '@vivace/object-store';
import { MemorySink } from '@vivace/parquet';
import { plainTraces, tableOf } from '@vivace/testkit';
import { orderByTrace } from '@vivace/trace';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BlockSlice } from './jobs.ts';
import { createQueryTasks } from './query-tasks.ts';

const TENANT = 't' as TenantId;
const BLOCKS = 20;
const TRACES = 300;
const signal = new AbortController().signal;
const [[plain]] = fc.sample(
  plainTraces().filter(([one]) => one !== undefined && one.spans.length > 0),
  { numRuns: 1, seed: 3 },
);

/** Ids of blocks and of unknown traces, spread over each other. */
const idOf = (n: number): string => (Math.imul(n + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0').repeat(4);
const bytesOf = (id: string): Uint8Array => Uint8Array.from(Buffer.from(id, 'hex'));

describe('an unknown trace id', () => {
  const store = new MemoryObjectStore();
  const slices: BlockSlice[] = [];
  beforeAll(async () => {
    for (let b = 0; b < BLOCKS; b++) {
      const table = tableOf(Array.from({ length: TRACES }, (_, t) => ({ ...plain, traceId: idOf(b * TRACES + t) })));
      const sink = new MemorySink();
      const blockId = `00000000-0000-4000-8000-${String(b).padStart(12, '0')}`;
      const writer = new BlockWriter(sink, { blockId, tenantId: TENANT, dedicatedColumns: [] });
      writer.writeRowGroup(table, orderByTrace(table));
      const { meta, blooms, index } = writer.finish();
      await store.put(`${TENANT}/${blockId}/data.parquet`, sink.bytes());
      for (const [i, bloom] of blooms.entries()) await store.put(`${TENANT}/${blockId}/bloom-${i}`, bloom);
      await store.put(`${TENANT}/${blockId}/index`, new TextEncoder().encode(index));
      slices.push({ meta, from: 0, to: 1 });
    }
  });

  function asking(maxOpenBlocks: number) {
    const tasks = createQueryTasks({ store, cache: new BlockCache(), maxOpenBlocks });
    const sources = { tenant: TENANT, tables: [], parts: [], blocks: slices };
    return async (id: string): Promise<{ readonly found: boolean; readonly reads: number }> => {
      const before = store.reads;
      const { trace } = await tasks.findTrace({ sources, traceId: bytesOf(id) }, { signal } as never); // all that it looks at
      return { found: trace !== undefined, reads: store.reads - before };
    };
  }

  // With fewer readers than blocks, all are opened again.
  it.each([100, 1])('costs a footer and a bloom filter for each block once, and nothing from then on, with %i readers kept', async (maxOpenBlocks) => {
    const ask = asking(maxOpenBlocks);
    const first = await ask(idOf(1_000_000));
    expect(first.found).toBe(false);
    expect(first.reads).toBeLessThanOrEqual(2 * BLOCKS + 4); // and what a false positive costs
    let reads = 0;
    for (let n = 0; n < 200; n++) {
      const id = idOf(2_000_000 + n);
      const asked = await ask(id);
      expect(asked.found).toBe(false);
      reads += asked.reads;
      expect((await ask(id)).reads, 'the second time').toBe(0);
    }
    // 4,000 filters were asked, of which one in a hundred says that it may be there: then an index and a page of ids are read, once for each place.
    expect(reads).toBeLessThan(200);
    expect(await ask(idOf(7 * TRACES + 5))).toMatchObject({ found: true });
  });
});
