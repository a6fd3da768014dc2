import { createMemoryLogger, createMemoryMetrics, parseTenantId } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import { formatBlockMeta } from '@vivace/block';
import type { BlockMeta } from '@vivace/block';
import { MemoryObjectStore } from '@vivace/object-store';
import { describe, expect, it } from 'vitest';
import { createBlockList } from './block-list.ts';

const A = parseTenantId('a') as TenantId;
const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

function metaOf(n: number, startSec: number, endSec: number, tenantId = 'a'): BlockMeta {
  return {
    format: 'vParquet4',
    blockId: id(n),
    tenantId,
    startMs: startSec * 1_000,
    endMs: endSec * 1_000,
    totalObjects: 1,
    size: 10,
    compactionLevel: 0,
    totalRecords: 1,
    bloomShards: 1,
    footerSize: 5,
    dedicatedColumns: [],
    replicationFactor: 1,
  };
}

class CountingStore extends MemoryObjectStore {
  gets = 0;
  broken: string | undefined;

  override get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    this.gets++;
    return key === this.broken ? Promise.reject(new Error('disk on fire')) : super.get(key, signal);
  }

  override stat(key: string, signal?: AbortSignal) {
    return key === this.broken ? Promise.reject(new Error('disk on fire')) : super.stat(key, signal);
  }
}

function setup() {
  const store = new CountingStore();
  const metrics = createMemoryMetrics();
  const logger = createMemoryLogger();
  const list = createBlockList({ store, pollMs: 60_000, concurrency: 2, clock: { now: () => 0 }, logger, metrics });
  const put = (meta: BlockMeta) => store.put(`${meta.tenantId}/${meta.blockId}/meta.json`, new TextEncoder().encode(formatBlockMeta(meta)));
  const seen = (from = 0, to = Number.MAX_SAFE_INTEGER, tenant = A) => list.blocksInRange(tenant, from, to).map(({ blockId }) => Number(blockId.slice(-12)));
  return { store, metrics, logger, list, put, seen };
}

describe('the block list', () => {
  it('lists by time, newest first', async () => {
    const { list, put, seen } = setup();
    for (const meta of [metaOf(1, 10, 20), metaOf(2, 30, 40), metaOf(3, 15, 35), metaOf(4, 30, 40)]) await put(meta);
    await list.poll();
    expect(seen()).toEqual([2, 4, 3, 1]);
    expect(seen(20, 29)).toEqual([3, 1]);
    expect(seen(41, 50)).toEqual([]);
    expect(seen(0, 100, parseTenantId('b') as TenantId)).toEqual([]);
  });

  it('reads a meta.json once, and forgets blocks that are gone', async () => {
    const { store, list, put, seen, metrics } = setup();
    await put(metaOf(1, 1, 2));
    await put(metaOf(2, 1, 2));
    await list.poll();
    await list.poll();
    expect(store.gets).toBe(2);
    await store.delete(`a/${id(1)}/meta.json`);
    await store.put(`a/${id(1)}/meta.compacted.json`, new Uint8Array());
    await list.poll();
    expect(seen()).toEqual([2]);
    expect(metrics.value('tempodb_blocklist_length', { tenant: 'a' })).toBe(1);
    await store.delete(`a/${id(1)}/meta.compacted.json`);
    await store.delete(`a/${id(2)}/meta.json`);
    await list.poll();
    expect(seen()).toEqual([]);
  });

  it('hides only the block whose meta.json cannot be read', async () => {
    const { store, list, put, seen, metrics, logger } = setup();
    await put(metaOf(1, 1, 2));
    await store.put(`a/${id(2)}/meta.json`, new TextEncoder().encode('{"format"'));
    await store.put(`a/${id(3)}/meta.json`, new TextEncoder().encode(formatBlockMeta({ ...metaOf(3, 1, 2), format: 'vParquet9' })));
    await list.poll();
    expect(seen()).toEqual([1]);
    expect(metrics.value('tempodb_blocklist_poll_errors_total', { tenant: 'a' })).toBe(2);
    expect(logger.entries.map(({ fields }) => fields['block']).sort()).toEqual([id(2), id(3)]);
  });

  it('keeps a known block that cannot be asked for, and finds an unreadable one later', async () => {
    const { store, list, put, seen } = setup();
    await put(metaOf(1, 1, 2));
    store.broken = `a/${id(1)}/meta.json`;
    await list.poll();
    expect(seen()).toEqual([]);
    store.broken = undefined;
    await list.poll();
    store.broken = `a/${id(1)}/meta.json`;
    await list.poll();
    expect(seen()).toEqual([1]);
  });

  it('ignores folders that are not blocks or tenants', async () => {
    const { store, list, seen, logger } = setup();
    await store.put('a/index.json.gz', new Uint8Array());
    await store.put('a/not-a-block/meta.json', new Uint8Array());
    await store.put(`a/${id(1)}/data.parquet`, new Uint8Array());
    await store.put('no tenant?/x', new Uint8Array());
    await list.poll();
    expect(seen()).toEqual([]);
    expect(logger.entries).toEqual([]);
  });

  it('shows an announced block at once, also when a poll that began before does not find it', async () => {
    const { list, put, seen } = setup();
    await put(metaOf(1, 1, 2));
    const polling = list.poll();
    list.announce(metaOf(2, 3, 4));
    expect(seen()).toEqual([2]);
    await polling;
    expect(seen()).toEqual([2, 1]);
    await list.poll();
    expect(seen()).toEqual([1]);
  });

  it('does not start when the store cannot be listed', async () => {
    const { store, list } = setup();
    store.listFolders = () => Promise.reject(new Error('no such bucket'));
    await expect(list.start()).rejects.toThrow('no such bucket');
    await list.stop();
  });

  it('polls no more once it is stopped', async () => {
    const { list } = setup();
    await list.start();
    await list.stop();
    await expect(list.poll()).rejects.toThrow('aborted');
  });
});
