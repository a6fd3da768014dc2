import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createMemoryLogger, createMemoryMetrics } from '@vivace/base';
import type { BlockId } from '@vivace/base';
import { openBlock } from '@vivace/block';
import type { BlockMeta } from '@vivace/block';
import { createBlockList } from '@vivace/blocklist';
import { MemoryObjectStore } from '@vivace/object-store';
import { plainTraces } from '@vivace/testkit';
import type { PlainTrace } from '@vivace/testkit';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createCompactor } from './compactor.ts';
import type { TenantCompaction } from './compactor.ts';
import { mergeBlocks } from './merge-blocks.ts';
import { openStaging } from './staging.ts';
import { blockId, spansOf, storeBlock, TENANT, withoutTwins } from './testing.fixture.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vivace-compactor-'));
afterAll(() => fs.rmSync(dir, { recursive: true }));
const [traces] = fc.sample(
  plainTraces()
    .filter((t) => t.length >= 3)
    .map(withoutTwins),
  { numRuns: 1, seed: 11 },
);
const ALL: TenantCompaction = { disabled: false, windowMs: 0, retentionMs: 0, maxBytesPerTrace: 0 };

class Crash extends Error {}

/** Counts writes, and fails for good from the `dieAt`th on, as a process does that was killed there. */
class MortalStore extends MemoryObjectStore {
  writes = 0;
  dieAt = Number.POSITIVE_INFINITY;

  override put(key: string, bytes: Uint8Array): Promise<void> {
    return this.#alive() ?? super.put(key, bytes);
  }

  override putFile(key: string, file: string): Promise<void> {
    return this.#alive() ?? super.putFile(key, file);
  }

  override delete(key: string): Promise<void> {
    return this.#alive() ?? super.delete(key);
  }

  #alive(): Promise<void> | undefined {
    return ++this.writes >= this.dieAt ? Promise.reject(new Crash('killed')) : undefined;
  }
}

class World {
  nowMs: number;
  readonly clock = { now: () => this.nowMs };
  readonly store = new MortalStore(this.clock);
  readonly folder = fs.mkdtempSync(path.join(dir, 'w'));

  constructor(nowMs = 0) {
    this.nowMs = nowMs;
  }

  process(options: { owns?: (key: string) => boolean; limits?: Partial<TenantCompaction> } = {}) {
    const logger = createMemoryLogger();
    const metrics = createMemoryMetrics();
    const { clock, store } = this;
    const list = createBlockList({
      store,
      config: {
        pollMs: 5 * MINUTE,
        jitterMs: 0,
        concurrency: 5,
        tenantConcurrency: 1,
        fallback: true,
        maxIndexAgeMs: 0,
        toleratedErrors: 0,
        toleratedTenants: 0,
        emptyTenantAgeMs: undefined,
      },
      buildsIndex: () => false,
      clock,
      random: () => 0,
      logger,
      metrics: createMemoryMetrics(),
    });
    const compactor = createCompactor({
      config: {
        disabled: false,
        windowMs: HOUR,
        maxTraces: 1_000_000,
        maxBlockBytes: 1e9,
        retentionMs: 48 * HOUR,
        compactedRetentionMs: HOUR,
        retentionConcurrency: 2,
        maxTimePerTenantMs: 5 * MINUTE,
        cycleMs: 30_000,
        bloomFalsePositive: 0.01,
        bloomShardBytes: 102_400,
        rowGroupSpans: 50,
      },
      store,
      blocks: list,
      staging: openStaging(this.folder),
      merge: (job, signal) => mergeBlocks(job, { open: (meta) => openBlock({ store, tenant: TENANT, meta }), pause: () => undefined, signal }),
      owns: options.owns ?? (() => true),
      limits: () => ({ ...ALL, ...options.limits }),
      clock,
      logger,
      metrics,
    });
    return { list, compactor, logger, metrics };
  }

  /** What a fresh process sees. */
  async visible(): Promise<readonly BlockMeta[]> {
    const { list } = this.process();
    await list.poll();
    return list.blocksInRange(TENANT, 0, Number.MAX_SAFE_INTEGER);
  }
}

/** Three blocks with overlapping traces, all in one window. */
async function filled(): Promise<{ world: World; before: string[] }> {
  const world = new World();
  const some = (keep: (i: number) => boolean): PlainTrace[] =>
    traces.map((t) => ({ ...t, spans: t.spans.filter((_, i) => keep(i)) })).filter((t) => t.spans.length > 0);
  const metas = [
    await storeBlock(
      world.store,
      blockId(1),
      some((i) => i % 2 === 0),
    ),
    await storeBlock(
      world.store,
      blockId(2),
      some((i) => i % 3 !== 1),
    ),
    await storeBlock(
      world.store,
      blockId(3),
      some(() => true),
    ),
  ];
  // The next window: this one is complete.
  world.nowMs = Math.max(...metas.map((m) => m.endMs)) + HOUR;
  world.store.writes = 0;
  return { world, before: await spansOf(world.store, metas) };
}

describe('the compactor', () => {
  it('merges the blocks of a window into one and marks them', async () => {
    const { world, before } = await filled();
    const { list, compactor, metrics } = world.process();
    await list.poll();
    expect(await compactor.compactTenant(TENANT)).toBe(1);
    const [merged, ...rest] = list.blocksInRange(TENANT, 0, Number.MAX_SAFE_INTEGER);
    expect(rest).toEqual([]);
    expect(merged).toMatchObject({ compactionLevel: 1, compactedFrom: [1, 2, 3].map(blockId) });
    expect(await world.visible()).toEqual([expect.objectContaining({ blockId: merged.blockId })]);
    expect(await spansOf(world.store, [merged])).toEqual(before);
    expect(await world.store.stat(`${TENANT}/${blockId(1)}/meta.json`)).toBeUndefined();
    expect(metrics.value('tempodb_compaction_blocks_total', { level: '0' })).toBe(3);
    expect(fs.readdirSync(path.join(world.folder, TENANT))).toEqual([]);
    await list.poll();
    expect(await compactor.compactTenant(TENANT)).toBe(0);
  });

  it('killed at any write leaves the inputs or the output, never both counted and never neither; the next process finishes', async () => {
    const { world: whole } = await filled();
    const first = whole.process();
    await first.list.poll();
    await first.compactor.compactTenant(TENANT);
    const writes = whole.store.writes;
    expect(writes).toBeGreaterThan(8);
    for (let dieAt = 1; dieAt <= writes; dieAt++) {
      const { world, before } = await filled();
      const { list, compactor } = world.process();
      await list.poll();
      world.store.dieAt = dieAt;
      await compactor.compactTenant(TENANT).catch(() => undefined);
      world.store.dieAt = Number.POSITIVE_INFINITY;
      const seen = await world.visible();
      expect(await spansOf(world.store, seen)).toEqual(before);
      const output = seen.filter((meta) => meta.compactedFrom.length > 0);
      if (output.length > 0) expect(seen).toHaveLength(1);
      else expect(seen).toHaveLength(3);
      const next = world.process();
      await next.compactor.start();
      await next.compactor.stop();
      const again = world.process();
      await again.list.poll();
      await again.compactor.compactTenant(TENANT);
      const after = await world.visible();
      expect(after).toHaveLength(1);
      expect(await spansOf(world.store, after)).toEqual(before);
      // What no block claims is gone.
      expect((await world.store.listFolders(`${TENANT}/`)).length).toBe(4);
    }
  });

  it('does only what it owns', async () => {
    const { world } = await filled();
    const other = world.process({ owns: () => false });
    await other.list.poll();
    expect(await other.compactor.compactTenant(TENANT)).toBe(0);
    expect(await world.visible()).toHaveLength(3);
  });

  it('leaves alone what a flag holds, and tenants without compaction', async () => {
    const { world } = await filled();
    await world.store.put(`${TENANT}/${blockId(2)}/nocompact.flg`, new Uint8Array());
    const a = world.process();
    await a.list.poll();
    expect(await a.compactor.compactTenant(TENANT)).toBe(0);
    await world.store.delete(`${TENANT}/${blockId(2)}/nocompact.flg`);
    const b = world.process({ limits: { disabled: true } });
    await b.list.poll();
    expect(await b.compactor.compactTenant(TENANT)).toBe(0);
  });

  it('keeps inputs that cannot be read, and says so', async () => {
    const { world } = await filled();
    await world.store.put(`${TENANT}/${blockId(2)}/data.parquet`, new Uint8Array(100));
    const { list, compactor, logger, metrics } = world.process();
    await list.poll();
    expect(await compactor.compactTenant(TENANT)).toBe(0);
    expect(metrics.value('tempodb_compaction_errors_total')).toBe(1);
    expect(logger.entries.map((e) => e.msg)).toContain('blocks could not be merged, they stay as they are');
    expect(await world.visible()).toHaveLength(3);
  });

  it('leaves out for an hour what cannot be read, and merges the others', async () => {
    const { world } = await filled();
    const data = `${TENANT}/${blockId(2)}/data.parquet`;
    const whole = await world.store.get(data);
    await world.store.delete(data);
    const { list, compactor, logger } = world.process();
    await list.poll();
    expect(await compactor.compactTenant(TENANT)).toBe(0);
    expect(logger.entries.filter(({ level }) => level === 'error')).toMatchObject([{ fields: { leftOut: [blockId(2)] } }]);
    expect(await compactor.compactTenant(TENANT)).toBe(1);
    expect((await world.visible()).map((meta) => meta.compactedFrom)).toEqual(expect.arrayContaining([[1, 3].map(blockId), []]));
    await world.store.put(data, whole);
    // Old enough for blocks of different levels to be merged.
    world.nowMs += 26 * HOUR;
    await list.poll();
    expect(await compactor.compactTenant(TENANT)).toBe(1);
    expect(await world.visible()).toHaveLength(1);
  });
});

describe('retention', () => {
  it('marks blocks that are too old, and deletes marked ones later', async () => {
    const { world } = await filled();
    const run = async (): Promise<void> => {
      const { list, compactor } = world.process();
      await list.poll();
      await compactor.applyRetention();
    };
    const files = async (id: BlockId): Promise<number> => (await world.store.list(`${TENANT}/${id}/`)).length;
    await run();
    expect(await world.store.stat(`${TENANT}/${blockId(1)}/meta.json`)).toBeDefined();
    world.nowMs += 49 * HOUR;
    await run();
    expect(await world.store.stat(`${TENANT}/${blockId(1)}/meta.compacted.json`)).toBeDefined();
    expect(await files(blockId(1))).toBeGreaterThan(1);
    world.nowMs += 2 * HOUR;
    await run();
    expect(await files(blockId(1))).toBe(0);
    expect(await world.visible()).toEqual([]);
  });

  it('is the one of the tenant where that has one', async () => {
    const { world } = await filled();
    world.nowMs += 2 * HOUR;
    const { list, compactor } = world.process({ limits: { retentionMs: HOUR } });
    await list.poll();
    await compactor.applyRetention();
    expect(list.blocksOf(TENANT).live.size).toBe(0);
  });
});
