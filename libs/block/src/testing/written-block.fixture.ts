import { MemoryObjectStore } from '@vivace/object-store';
import { MemorySink } from '@vivace/parquet';
import { orderByTrace } from '@vivace/trace';
import type { SpanTable } from '@vivace/trace';
import type { DedicatedColumn } from '../meta.ts';
import { BlockWriter } from '../write/block-writer.ts';
import { sliceOrder } from '../write/row-groups.ts';
import type { SampleBlock } from './sample-blocks.ts';

/** The traces of `table` as a block of up to `rowGroups` row groups, in a store of its own. */
export async function writtenBlock(table: SpanTable, dedicatedColumns: readonly DedicatedColumn[], rowGroups = 1): Promise<SampleBlock> {
  const order = orderByTrace(table);
  const sink = new MemorySink();
  const tenant = 'tenant';
  const blockId = '00000000-0000-4000-8000-000000000000';
  const writer = new BlockWriter(sink, { blockId, tenantId: tenant, dedicatedColumns });
  for (let g = 0; g < rowGroups; g++) {
    const from = Math.floor((order.traceCount * g) / rowGroups);
    const to = Math.floor((order.traceCount * (g + 1)) / rowGroups);
    if (from < to) writer.writeRowGroup(table, sliceOrder(order, from, to));
  }
  const { meta, blooms, index } = writer.finish();
  const store = new MemoryObjectStore();
  await store.put(`${tenant}/${blockId}/data.parquet`, sink.bytes());
  for (const [i, bloom] of blooms.entries()) await store.put(`${tenant}/${blockId}/bloom-${i}`, bloom);
  await store.put(`${tenant}/${blockId}/index`, new TextEncoder().encode(index));
  return { store, tenant, meta };
}
