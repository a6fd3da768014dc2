import { createMemoryLogger, createMemoryMetrics, silentLogger } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import { localChannel } from '@vivace/rpc';
import { Ring } from '@vivace/ring';
import { parseQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import type { FindTraceJob, SearchJob } from '../jobs.ts';
import type { RecentSource } from '../querier.ts';
import type { TaskRunner } from '../task-runner.ts';
import { createIngesterRunner, ingesterQueryMethod } from './ingester-query.ts';

const TENANT = 't' as TenantId;
const NOW = 1_000_000;
const DEAD = 'a dead node';
const LOOKBACK_MS = 500_000;

interface Asked {
  readonly member: string;
  readonly task: string;
  readonly parts: readonly string[];
}

function cluster(size: number, replicationFactor: number, zones: readonly string[] = [], shardSize = 0) {
  const ring = new Ring({
    name: 'ingester',
    replicationFactor,
    zoneAware: zones.length > 0,
    extendWrites: true,
    isNodeDead: (node) => node === DEAD,
    heartbeatTimeoutMs: 60_000,
    forgetAfterMs: 0,
    leftTimeoutMs: 0,
    clock: { now: () => NOW },
    logger: silentLogger,
  });
  const asked: Asked[] = [];
  const broken = new Set<string>();
  const empty = new Set<string>();
  const covered: (readonly string[] | undefined)[] = [];
  let released = 0;
  const logger = createMemoryLogger();
  for (let i = 0; i < size; i++) {
    const tokens = Uint32Array.from({ length: 32 }, (_, k) => (k * 134_217_728 + i * 13_421_772 + 7) >>> 0);
    ring.put(`i${i}`, { state: 'ACTIVE', info: { address: `i${i}`, zone: zones[i] ?? '', registeredMs: i, tokens } });
  }
  const method = (member: string) => {
    const recent: RecentSource = {
      recent(_tenant, skip) {
        covered.push(skip);
        return { tables: [], parts: empty.has(member) ? [] : [`/parts/${member}`], release: () => released++ };
      },
      held: (_tenant, forMs) => [`${member}-${forMs}`],
    };
    const runner = {
      run: async (task: string, job: SearchJob) => {
        asked.push({ member, task, parts: job.sources.parts });
        if (broken.has(member)) throw new Error('disk on fire');
        return { pieces: [], inspectedTraces: 1, inspectedSpans: 0, inspectedBytes: 0, from: member };
      },
    } as unknown as TaskRunner;
    return ingesterQueryMethod({ recent, runner, logger: silentLogger });
  };
  const runner = createIngesterRunner({
    view: () => ring.shard(TENANT, shardSize),
    channel: (address) => localChannel([method(address)]),
    lookbackMs: LOOKBACK_MS,
    clock: { now: () => NOW },
    timeoutMs: 1_000,
    maxResultBytes: 1_000_000,
    local: { run: async () => 'local' } as unknown as TaskRunner,
    logger,
    metrics: createMemoryMetrics(),
  });
  const sources = { tenant: TENANT, tables: [], parts: [], blocks: [], isElsewhere: true, covered: ['b1'] };
  const job: SearchJob = {
    sources,
    request: { query: parseQuery('{}'), limit: 1, spansPerSpanSet: 1, range: undefined, legacy: false },
    floor: new BigUint64Array(1),
    maxGroups: 0,
  };
  const search = async () => ((await runner.run('search', job)) as unknown as { from: string }[]).map(({ from }) => from).sort();
  return { ring, logger, asked, broken, empty, covered, runner, job, sources, search, released: () => released };
}

describe('the ingester runner', () => {
  it('asks every ingester for what is elsewhere, and does the rest here', async () => {
    const { runner, job, search, asked, covered, empty, released } = cluster(4, 3);
    expect(await search()).toEqual(['i0', 'i1', 'i2', 'i3']);
    expect(asked.map(({ member, task, parts }) => `${member} ${task} ${parts[0]}`).sort()[0]).toBe('i0 search /parts/i0');
    expect(covered).toEqual(Array.from({ length: 4 }, () => ['b1']));
    expect(released()).toBe(4);
    empty.add('i2');
    expect(await search()).toEqual(['i0', 'i1', 'i3']);
    expect(await runner.run('search', { ...job, sources: { ...job.sources, isElsewhere: false } })).toBe('local');
  });

  it('asks all what they hold of blocks, and while the store is away for a trace too', async () => {
    const { runner, sources, asked } = cluster(10, 3);
    const held = (await runner.run('held', { sources, forMs: 7 })) as unknown as string[][];
    expect(held.flat().sort()).toEqual(Array.from({ length: 10 }, (_, i) => `i${i}-7`));
    expect(asked).toEqual([]);
    await runner.run('findTrace', { sources: { ...sources, isStoreAway: true }, traceId: new Uint8Array(16).fill(9) }).catch(() => undefined);
    expect(new Set(asked.map(({ member }) => member)).size).toBe(10);
  });

  it('asks those that may hold a trace for that trace', async () => {
    const { runner, sources, asked } = cluster(10, 3);
    const find: FindTraceJob = { sources, traceId: new Uint8Array(16).fill(9) };
    await runner.run('findTrace', find).catch(() => undefined);
    expect(new Set(asked.map(({ member }) => member)).size).toBe(3);
  });

  it('asks the shard of a tenant, for a trace too, and does without those in it that copies make up for', async () => {
    const { ring, runner, sources, search, asked, broken } = cluster(10, 3, [], 4);
    const shard = ring.shard(TENANT, 4).members.map(({ id }) => id);
    expect(await search()).toEqual(shard.toSorted());
    asked.length = 0;
    await runner.run('findTrace', { sources, traceId: new Uint8Array(16).fill(9) }).catch(() => undefined);
    expect(asked.map(({ member }) => member).sort()).toEqual(shard.toSorted());
    broken.add(shard[0]);
    expect(await search()).toHaveLength(3);
    broken.add(shard[1]);
    await expect(search()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('asks those, too, that had a trace before others came', async () => {
    const { ring, runner, sources, asked } = cluster(3, 3);
    for (let i = 0; i < 9; i++) {
      const tokens = Uint32Array.from({ length: 32 }, (_, k) => (k * 134_217_728 + i * 13_421_772 + 99) >>> 0);
      ring.put(`new${i}`, { state: 'ACTIVE', info: { address: `new${i}`, zone: '', registeredMs: NOW, tokens } });
    }
    await runner.run('findTrace', { sources, traceId: new Uint8Array(16).fill(9) }).catch(() => undefined);
    expect(asked.map(({ member }) => member)).toEqual(expect.arrayContaining(['i0', 'i1', 'i2']));
  });

  it('says so when it knows of too few ingesters', async () => {
    await expect(cluster(0, 3).search()).rejects.toMatchObject({ code: 'unavailable', message: 'recent data is not complete: too few ingesters are known' });
    await expect(cluster(1, 3).search()).rejects.toMatchObject({ code: 'unavailable' });
    expect(await cluster(2, 3).search()).toEqual(['i0', 'i1']);
  });

  it('tells once of an ingester that fails every question', async () => {
    const { search, broken, logger } = cluster(3, 3);
    broken.add('i1');
    for (let i = 0; i < 20; i++) await search();
    expect(logger.entries).toMatchObject([{ level: 'warn', fields: { ingester: 'i1', times: 1 } }]);
  });

  it('does without as many as copies make up for, and says when that is not enough', async () => {
    const { search, broken } = cluster(3, 3);
    broken.add('i1');
    expect(await search()).toEqual(['i0', 'i2']);
    broken.add('i2');
    await expect(search()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('i2') as string, retryAfterMs: 1_000 });
    const single = cluster(2, 1);
    single.broken.add('i0');
    await expect(single.search()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('counts a zone once of which one is known to be away and another fails', async () => {
    const { ring, search, broken } = cluster(6, 3, ['a', 'b', 'c', 'a', 'b', 'c']);
    ring.put('i1', { info: { ...ring.entry('i1')!.info!, node: DEAD } });
    broken.add('i4');
    expect(await search()).toEqual(['i0', 'i2', 'i3', 'i5']);
    broken.add('i0');
    await expect(search()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('counts zones where copies lie in zones', async () => {
    const { search, broken } = cluster(6, 3, ['a', 'b', 'c', 'a', 'b', 'c']);
    broken.add('i0');
    broken.add('i3');
    expect(await search()).toEqual(['i1', 'i2', 'i4', 'i5']);
    broken.add('i1');
    await expect(search()).rejects.toMatchObject({ code: 'unavailable' });
  });
});
