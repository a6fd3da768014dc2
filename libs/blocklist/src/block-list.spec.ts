import { createMemoryLogger, createMemoryMetrics, parseTenantId } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import { formatBlockMeta } from '@vivace/block';
import type { BlockMeta } from '@vivace/block';
import { MemoryObjectStore } from '@vivace/object-store';
import { describe, expect, it } from 'vitest';
import { createBlockList } from './block-list.ts';
import type { BlockListConfig } from './block-list.ts';

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
    compactedFrom: [],
  };
}

class CountingStore extends MemoryObjectStore {
  gets: string[] = [];
  puts = 0;
  broken: string | undefined;

  override get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    this.gets.push(key);
    return key === this.broken ? Promise.reject(new Error('disk on fire')) : super.get(key, signal);
  }

  override put(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.puts++;
    return super.put(key, bytes, signal);
  }
}

const MINUTE = 60_000;
const CONFIG: BlockListConfig = {
  pollMs: 5 * MINUTE,
  jitterMs: 0,
  concurrency: 2,
  tenantConcurrency: 1,
  fallback: true,
  maxIndexAgeMs: 0,
  toleratedErrors: 0,
  toleratedTenants: 0,
  emptyTenantAgeMs: undefined,
};

class World {
  nowMs = 1_000_000_000;
  readonly clock = { now: () => this.nowMs };
  readonly store = new CountingStore(this.clock);

  process(options: { builds?: boolean } & Partial<BlockListConfig> = {}) {
    const { builds = true, ...config } = options;
    const metrics = createMemoryMetrics();
    const logger = createMemoryLogger();
    const list = createBlockList({
      store: this.store,
      config: { ...CONFIG, ...config },
      buildsIndex: () => builds,
      clock: this.clock,
      random: () => 0.5,
      logger,
      metrics,
    });
    const seen = (from = 0, to = Number.MAX_SAFE_INTEGER, tenant = A) => list.blocksInRange(tenant, from, to).map(({ blockId }) => Number(blockId.slice(-12)));
    return { list, metrics, logger, seen };
  }

  put(meta: BlockMeta): Promise<void> {
    return this.store.put(`${meta.tenantId}/${meta.blockId}/meta.json`, new TextEncoder().encode(formatBlockMeta(meta)));
  }

  async compact(meta: BlockMeta): Promise<void> {
    await this.store.put(`${meta.tenantId}/${meta.blockId}/meta.compacted.json`, new TextEncoder().encode(formatBlockMeta(meta)));
    await this.store.delete(`${meta.tenantId}/${meta.blockId}/meta.json`);
  }
}

function setup() {
  const world = new World();
  return { world, store: world.store, put: (meta: BlockMeta) => world.put(meta), ...world.process() };
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
    expect(store.gets.filter((key) => key.endsWith('meta.json'))).toHaveLength(2);
    await store.delete(`a/${id(1)}/meta.json`);
    await list.poll();
    expect(seen()).toEqual([2]);
    expect(metrics.value('tempodb_blocklist_length', { tenant: 'a' })).toBe(1);
    await store.delete(`a/${id(2)}/meta.json`);
    await list.poll();
    expect(seen()).toEqual([]);
    expect(await store.listFolders('')).toEqual([]);
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

  it('finds a block later whose meta.json could not be read, and logs that once', async () => {
    const { store, list, put, seen, logger } = setup();
    await put(metaOf(1, 1, 2));
    store.broken = `a/${id(1)}/meta.json`;
    await list.poll();
    await list.poll();
    expect(seen()).toEqual([]);
    expect(logger.entries).toHaveLength(1);
    store.broken = undefined;
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
    const { world, list, put, seen } = setup();
    expect(() => seen()).toThrow('for the first time');
    await list.poll();
    await put(metaOf(1, 1, 2));
    const polling = list.poll();
    list.announce(metaOf(2, 3, 4));
    expect(seen()).toEqual([2]);
    await polling;
    expect(seen()).toEqual([2, 1]);
    world.nowMs += MINUTE;
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

describe('a tenant that cannot be listed', () => {
  const B = parseTenantId('b') as TenantId;
  const C = parseTenantId('c') as TenantId;

  /** A store in which listing a tenant fails so often. */
  function failing(world: World): Map<string, number> {
    const left = new Map<string, number>();
    const listTree = world.store.listTree.bind(world.store);
    world.store.listTree = (prefix, ...rest) => {
      const times = left.get(prefix) ?? 0;
      left.set(prefix, times - 1);
      return times > 0 ? Promise.reject(new Error('slow down')) : listTree(prefix, ...rest);
    };
    return left;
  }

  it('keeps its last list, and the others are listed', async () => {
    const world = new World();
    const { list, seen, metrics, logger } = world.process({ toleratedTenants: 1 });
    await world.put(metaOf(1, 1, 2));
    await list.poll();
    await world.put(metaOf(2, 1, 2, 'b'));
    failing(world).set('a/', 1);
    await list.poll();
    expect([seen(), seen(0, 10, B)]).toEqual([[1], [2]]);
    expect(metrics.value('tempodb_blocklist_poll_errors_total', { tenant: 'a' })).toBe(1);
    expect(logger.entries.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('is tried again as often as tolerated', async () => {
    const world = new World();
    await world.put(metaOf(1, 1, 2));
    const left = failing(world);
    left.set('a/', 2);
    const { list, seen, metrics } = world.process({ toleratedErrors: 2 });
    await list.poll();
    expect(seen()).toEqual([1]);
    expect(metrics.value('tempodb_blocklist_poll_errors_total', { tenant: 'a' })).toBe(2);
    left.set('a/', 3);
    await expect(list.poll()).rejects.toThrow('slow down');
  });

  it('ends the poll when there are more than tolerated', async () => {
    const world = new World();
    for (const [n, tenant] of ['a', 'b', 'c'].entries()) await world.put(metaOf(n, 1, 2, tenant));
    const left = failing(world);
    const { list, seen } = world.process({ toleratedTenants: 1 });
    await list.poll();
    await world.put(metaOf(7, 1, 2, 'c'));
    left.set('a/', 1).set('b/', 1);
    await expect(list.poll()).rejects.toThrow('slow down');
    expect([seen(), seen(0, 10, B), seen(0, 10, C)]).toEqual([[0], [1], [2]]);
    await list.poll();
    expect(seen(0, 10, C)).toEqual([2, 7]);
  });

  it('is not said to be empty', async () => {
    const world = new World();
    await world.put(metaOf(1, 1, 2));
    await world.put(metaOf(2, 1, 2, 'b'));
    failing(world).set('a/', 1);
    const { list, seen } = world.process({ toleratedTenants: 1 });
    await list.poll();
    expect(() => seen()).toThrow('the blocks of tenant a could not be listed yet');
    expect([seen(0, 10, B), seen(0, 10, C)]).toEqual([[2], []]);
    await list.poll();
    expect(seen()).toEqual([1]);
  });
});

describe('what is left of a tenant without blocks', () => {
  const AGE = 60 * MINUTE;
  const left = async ({ store }: World) => (await store.listTree('', () => true)).map(({ key }) => key.replace(/[0-9a-f-]{36}/, 'block'));
  const file = (n: number, name: string): string => `a/${id(n)}/${name}`;

  it('is deleted when all of it is old enough, by who builds the index', async () => {
    const world = new World();
    await world.store.put(file(1, 'data.parquet'), new Uint8Array(1));
    await world.store.put('a/index.pb.zst', new Uint8Array(1));
    world.nowMs += AGE - MINUTE;
    await world.store.put(file(2, 'bloom-0'), new Uint8Array(1));
    world.nowMs += 2 * MINUTE;
    const { list } = world.process({ emptyTenantAgeMs: AGE });
    await list.poll();
    expect(await left(world)).toContain('a/block/data.parquet');
    world.nowMs += AGE;
    await world.process({ emptyTenantAgeMs: AGE, builds: false, fallback: true }).list.poll();
    await world.process().list.poll();
    expect(await left(world)).toContain('a/block/data.parquet');
    await list.poll();
    expect(await left(world)).toEqual([]);
  });

  it.each(['meta.json', 'meta.compacted.json'])('stays beside a %s that cannot be read', async (name) => {
    const world = new World();
    await world.store.put(file(1, 'data.parquet'), new Uint8Array(1));
    await world.store.put(file(2, name), new TextEncoder().encode('{'));
    world.nowMs += 2 * AGE;
    await world.process({ emptyTenantAgeMs: AGE }).list.poll();
    expect(await left(world)).toEqual(['a/block/data.parquet', `a/block/${name}`]);
  });

  it('is not what others keep there', async () => {
    const world = new World();
    await world.store.put('overrides/a/overrides.json', new Uint8Array(1));
    world.nowMs += 2 * AGE;
    await world.process({ emptyTenantAgeMs: AGE }).list.poll();
    expect(await left(world)).toEqual(['overrides/a/overrides.json']);
  });
});

describe('the tenant index', () => {
  it('is written by the builder when something changed, and is all that others read', async () => {
    const world = new World();
    const builder = world.process();
    const reader = world.process({ builds: false });
    await world.put(metaOf(1, 1, 2));
    await world.put(metaOf(2, 1, 2));
    await builder.list.poll();
    const { puts } = world.store;
    await builder.list.poll();
    expect(world.store.puts).toBe(puts);
    world.store.gets = [];
    world.store.lists = 0;
    await reader.list.poll();
    expect(reader.seen()).toEqual([1, 2]);
    expect(world.store.gets).toEqual(['a/index.pb.zst']);
    expect(world.store.lists).toBe(1);
  });

  it('is the JSON one where there is no other', async () => {
    const world = new World();
    await world.put(metaOf(1, 1, 2));
    await world.process().list.poll();
    await world.store.delete('a/index.pb.zst');
    const reader = world.process({ builds: false, fallback: false });
    await reader.list.poll();
    expect(reader.seen()).toEqual([1]);
  });

  it.each([
    ['is missing', async (world: World) => world.store.delete('a/index.json.gz').then(() => world.store.delete('a/index.pb.zst'))],
    ['is damaged', async (world: World) => world.store.put('a/index.pb.zst', new Uint8Array(7))],
    [
      'is stale',
      async (world: World) => {
        world.nowMs += 11 * MINUTE;
      },
    ],
  ])('is done without when it %s, unless that is not wanted', async (_, spoil) => {
    const world = new World();
    await world.put(metaOf(1, 1, 2));
    await world.process().list.poll();
    await spoil(world);
    const reader = world.process({ builds: false, maxIndexAgeMs: 10 * MINUTE });
    await reader.list.poll();
    expect(reader.seen()).toEqual([1]);
    expect(reader.metrics.value('tempodb_blocklist_tenant_index_errors_total', { tenant: 'a' })).toBe(1);
    await expect(world.process({ builds: false, maxIndexAgeMs: 10 * MINUTE, fallback: false }).list.poll()).rejects.toThrow(/index/);
  });

  it('is put right when another builder has written an older one later', async () => {
    const world = new World();
    await world.put(metaOf(1, 1, 2));
    await world.process().list.poll();
    const older = await world.store.get('a/index.pb.zst');
    await world.put(metaOf(2, 1, 2));
    const builder = world.process();
    await builder.list.poll();
    await world.store.put('a/index.pb.zst', older);
    const reader = world.process({ builds: false });
    await reader.list.poll();
    expect(reader.seen()).toEqual([1]);
    await builder.list.poll();
    await reader.list.poll();
    expect(reader.seen()).toEqual([1, 2]);
    await builder.list.poll();
    world.store.gets = [];
    await builder.list.poll();
    expect(world.store.gets, 'once is enough').toEqual([]);
  });

  it('is written again before it would count as stale', async () => {
    const world = new World();
    await world.put(metaOf(1, 1, 2));
    const builder = world.process({ maxIndexAgeMs: 10 * MINUTE });
    await builder.list.poll();
    const { puts } = world.store;
    world.nowMs += 6 * MINUTE;
    await builder.list.poll();
    expect(world.store.puts).toBe(puts + 2);
  });

  it('does not hide a block announced since it was made', async () => {
    const world = new World();
    await world.put(metaOf(1, 1, 2));
    await world.process().list.poll();
    world.nowMs += MINUTE;
    const reader = world.process({ builds: false });
    reader.list.announce(metaOf(2, 1, 2));
    await reader.list.poll();
    expect(reader.seen()).toEqual([1, 2]);
    world.nowMs += 3 * MINUTE;
    await world.put(metaOf(2, 1, 2));
    await world.process().list.poll();
    await reader.list.poll();
    expect(reader.seen()).toEqual([1, 2]);
  });

  it('is removed with the last block', async () => {
    const { world, store, list, put } = setup();
    await put(metaOf(1, 1, 2));
    await store.put('a/stray', new Uint8Array(1));
    await list.poll();
    await store.delete(`a/${id(1)}/meta.json`);
    await list.poll();
    expect((await store.list('a/')).map((e) => e.key)).toEqual(['a/stray']);
    world.nowMs += MINUTE;
    await list.poll();
    expect((await store.list('a/')).map((e) => e.key)).toEqual(['a/stray']);
  });
});

describe('compacted blocks', () => {
  const output = { ...metaOf(9, 1, 2), compactedFrom: [id(1), id(2)] };

  it('are asked while no known block names them as its source, for two polls', async () => {
    const { world, list, put, seen } = setup();
    await put(metaOf(1, 1, 2));
    await world.compact(metaOf(1, 1, 2));
    await list.poll();
    expect(seen()).toEqual([1]);
    world.nowMs += 2 * CONFIG.pollMs;
    await list.poll();
    expect(seen()).toEqual([]);
    expect([...list.blocksOf(A).compacted.keys()]).toEqual([id(1)]);
  });

  it('are never seen together with what took their place', async () => {
    const { world, list, put, seen } = setup();
    await put(metaOf(1, 1, 2));
    await put(metaOf(2, 1, 2));
    await list.poll();
    list.announce(output);
    expect(seen()).toEqual([9]);
    await put(output);
    await world.compact(metaOf(1, 1, 2));
    await list.poll();
    expect(seen()).toEqual([9]);
    const next = { ...metaOf(10, 1, 2), compactedFrom: [id(9)] };
    await put(next);
    await world.compact(output);
    await list.poll();
    expect(seen()).toEqual([10]);
  });
});
