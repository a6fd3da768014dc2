import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { BlockId, TenantId } from '@vivace/base';
import { BlockFolder, BlockWriter, openBlock, sliceOrder } from '@vivace/block';
import type { BlockMeta } from '@vivace/block';
import type { ObjectStore } from '@vivace/object-store';
import type { PlainSpan, PlainTrace } from '@vivace/testkit';
import { plainOf, tableOf } from '@vivace/testkit';
import { orderByTrace } from '@vivace/trace';

export const TENANT = 'single-tenant' as TenantId;

export function blockId(n: number): BlockId {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}` as BlockId;
}

/** Of two spans with one id and kind either may be the copy that is kept, so that tests can do without. */
export function withoutTwins(traces: readonly PlainTrace[]): PlainTrace[] {
  return traces.map(({ traceId, spans }) => ({ traceId, spans: [...new Map(spans.map((span) => [`${span.spanId} ${span.kind}`, span])).values()] }));
}

/** Writes traces as a block of several row groups into the store, as an ingester would. */
export async function storeBlock(store: ObjectStore, id: BlockId, traces: readonly PlainTrace[], rowGroups = 2): Promise<BlockMeta> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vivace-compactor-'));
  const folder = new BlockFolder(dir);
  const table = tableOf(traces);
  const order = orderByTrace(table);
  const writer = new BlockWriter(folder.sink, { blockId: id, tenantId: TENANT, dedicatedColumns: [{ scope: 'span', name: 'foo', type: 'string' }] });
  for (let g = 0; g < rowGroups; g++) {
    const from = Math.floor((order.traceCount * g) / rowGroups);
    const to = Math.floor((order.traceCount * (g + 1)) / rowGroups);
    if (from < to) writer.writeRowGroup(table, sliceOrder(order, from, to));
  }
  const block = writer.finish();
  for (const name of folder.finish(block)) await store.putFile(`${TENANT}/${id}/${name}`, path.join(dir, name));
  fs.rmSync(dir, { recursive: true });
  return block.meta;
}

/** All traces of blocks, put together: each span once (equal id and kind), in no order. As a text per span. */
export async function spansOf(store: ObjectStore, metas: readonly BlockMeta[]): Promise<string[]> {
  const seen = new Map<string, string>();
  for (const meta of metas) {
    for (const { traceId, spans } of await tracesIn(store, meta)) {
      for (const span of spans) {
        const key = `${traceId} ${span.spanId} ${span.kind}`;
        if (!seen.has(key)) seen.set(key, `${traceId} ${textOf(span)}`);
      }
    }
  }
  return [...seen.values()].sort();
}

export async function tracesIn(store: ObjectStore, meta: BlockMeta): Promise<PlainTrace[]> {
  const reader = await openBlock({ store, tenant: TENANT, meta });
  const traces: PlainTrace[] = [];
  for (let g = 0; g < reader.rowGroupCount; g++) traces.push(...plainOf(await reader.readRowGroup(g)));
  return traces;
}

function textOf(span: PlainSpan): string {
  return JSON.stringify(span, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
}
