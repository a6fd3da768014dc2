import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AppError, parseTenantId } from '@vivace/base';
import type { BlockId, TenantId } from '@vivace/base';
import { MemoryObjectStore } from '@vivace/object-store';
import { decodeInto, traceToProto } from '@vivace/otlp';
import { plainTraces, tableOf } from '@vivace/testkit';
import { SpanTable } from '@vivace/trace';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BuildBlockJob } from './build-block.ts';
import { createHeavyWork, ingesterTasks, recoverStaging } from './heavy-work.ts';
import type { HeavyWorkDeps } from './heavy-work.ts';

const TENANT = parseTenantId('single-tenant') as TenantId;
const TRACES = fc.sample(
  plainTraces().filter((t) => t.length > 3),
  { numRuns: 1, seed: 7 },
)[0];

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'heavy-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

type Run = HeavyWorkDeps['pool']['run'];

function setUp(overrides: Partial<HeavyWorkDeps> = {}) {
  const jobs: BuildBlockJob[] = [];
  const run = async (_task: string, job: BuildBlockJob) => {
    jobs.push(job);
    return ingesterTasks.buildBlock(job, { signal: new AbortController().signal, throwIfAborted: () => undefined });
  };
  const work = createHeavyWork({
    pool: { run: run as unknown as Run }, // only this task is asked for
    store: new MemoryObjectStore(),
    partsDir: path.join(dir, 'parts'),
    stagingDir: path.join(dir, 'blocks'),
    keptDir: path.join(dir, 'kept'),
    block: { bloomFalsePositive: 0.01, bloomShardBytes: 1024, rowGroupBytes: 1e9, rowGroupSpans: 1e6, chooseDedicatedColumns: false },
    dedicatedColumns: () => [],
    concurrentFlushes: 4,
    flushTimeoutMs: 60_000,
    announce: () => undefined,
    ...overrides,
  });
  return { work, jobs };
}

/** A part of traces as they are received, so that their sizes are known. */
function part(name = '1.part'): string {
  const sent = tableOf(TRACES);
  const table = new SpanTable();
  table.beginBatch();
  const bytes = Buffer.concat(Array.from({ length: sent.traceCount }, (_, row) => traceToProto(sent, row)));
  decodeInto(bytes, table, { maxAttributeBytes: 0 }, { cutStrings: 0 });
  return ingesterTasks.writePart({ table: table.handle(), path: path.join(dir, name), tenant: TENANT, watermark: { segment: 0, offset: 0 } }).path;
}

const request = (blockId: string, parts: readonly string[] = []) => ({ tenant: TENANT, blockId: blockId as BlockId, parts });

describe('createHeavyWork', () => {
  it('cuts row groups by bytes as by spans', async () => {
    const parts = [part()];
    const rowGroups = async (rowGroupBytes: number): Promise<number> => {
      const { work, jobs } = setUp({
        block: { bloomFalsePositive: 0.01, bloomShardBytes: 1024, rowGroupBytes, rowGroupSpans: 1e6, chooseDedicatedColumns: false },
      });
      await work.buildBlock(request('x', parts));
      return ingesterTasks.buildBlock(jobs[0], { signal: new AbortController().signal, throwIfAborted: () => undefined }).meta.totalRecords;
    };
    expect(await rowGroups(1e9)).toBe(1);
    expect(await rowGroups(1)).toBe(TRACES.length);
  });

  it('gives a block the columns of its tenant', async () => {
    const column = { scope: 'span', name: 'mine', type: 'string' } as const;
    const { work, jobs } = setUp({ dedicatedColumns: (tenant) => (tenant === TENANT ? [column] : []) });
    await work.buildBlock(request('x', [part()]));
    expect(jobs[0].dedicatedColumns).toEqual([column]);
  });

  it('makes so many blocks at a time', async () => {
    const begun: string[] = [];
    const ends: ((reason: Error) => void)[] = [];
    const run = (_task: string, job: BuildBlockJob) =>
      new Promise((_, reject) => {
        begun.push(job.blockId);
        ends.push(reject);
      });
    const { work } = setUp({ concurrentFlushes: 2, pool: { run: run as unknown as Run } });
    const blocks = ['a', 'b', 'c'].map((id) => work.buildBlock(request(id)));
    expect(begun).toEqual(['a', 'b']);
    ends[0](new Error('no'));
    await expect(blocks[0]).rejects.toThrow('no');
    expect(begun).toEqual(['a', 'b', 'c']);
    for (const end of ends) end(new Error('no'));
    expect((await Promise.allSettled(blocks)).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  it('gives up on a block that takes too long, names the key and leaves nothing behind', async () => {
    const run = (_task: string, { dir: staging }: BuildBlockJob, { signal }: { signal: AbortSignal }) =>
      new Promise((_, reject) => {
        fs.mkdirSync(staging, { recursive: true });
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    const { work } = setUp({ flushTimeoutMs: 1, pool: { run: run as unknown as Run } });
    await expect(work.buildBlock(request('slow'))).rejects.toMatchObject({
      code: 'deadline_exceeded',
      message: 'block slow: not made and stored within ingester.flush_op_timeout 1ms',
    });
    expect(fs.readdirSync(path.join(dir, 'blocks', TENANT))).toEqual([]);
  });

  it('goes on where the store failed, with the block it has made', async () => {
    const store = new MemoryObjectStore();
    const putFile = store.putFile.bind(store);
    let broken = true;
    store.putFile = (key, file) => (broken && !key.endsWith('data.parquet') ? Promise.reject(new AppError('unavailable', 'slow down')) : putFile(key, file));
    const { work, jobs } = setUp({ store });
    const [first, second] = [part('1.part'), part('2.part')];
    await expect(work.buildBlock(request('x', [first]))).rejects.toThrow('slow down');
    expect(await store.stat(`${TENANT}/x/meta.json`)).toBeUndefined();
    broken = false;
    const built = await work.buildBlock(request('y', [first, second]));
    expect([built.blockId, built.parts, jobs.length]).toEqual(['x', [first], 1]);
    expect(await store.listFolders(`${TENANT}/`)).toEqual(['x']);
    expect((await store.list(`${TENANT}/x/`)).map(({ key }) => key.split('/')[2])).toEqual(['bloom-0', 'data.parquet', 'index', 'meta.json']);
    expect((await work.buildBlock(request('y', [second]))).blockId).toBe('y');
  });

  it('makes a block again when what it has made cannot be read', async () => {
    const store = new MemoryObjectStore();
    const putFile = store.putFile.bind(store);
    store.putFile = (key, file) => {
      if (key === `${TENANT}/x/bloom-0`) fs.rmSync(file);
      return putFile(key, file);
    };
    const { work, jobs } = setUp({ store });
    const parts = [part()];
    await expect(work.buildBlock(request('x', parts))).rejects.toThrow('ENOENT');
    expect((await work.buildBlock(request('y', parts))).blockId).toBe('y');
    expect(jobs).toHaveLength(2);
    expect(await store.listFolders(`${TENANT}/`)).toEqual(['y']);
    expect(fs.readdirSync(path.join(dir, 'blocks', TENANT))).toEqual(['y']);
  });
});

describe('recoverStaging', () => {
  async function leftBehind(objects: readonly string[]) {
    const store = new MemoryObjectStore();
    const [partsDir, stagingDir] = [path.join(dir, 'parts'), path.join(dir, 'blocks')];
    const staged = path.join(stagingDir, TENANT, 'b1');
    fs.mkdirSync(staged, { recursive: true });
    fs.mkdirSync(path.join(partsDir, TENANT), { recursive: true });
    fs.writeFileSync(path.join(staged, 'parts.json'), '["1.part"]');
    for (const name of ['1.part', '2.part']) fs.writeFileSync(path.join(partsDir, TENANT, name), '');
    for (const name of objects) await store.put(`${TENANT}/b1/${name}`, new Uint8Array(1));
    await recoverStaging({ store, partsDir, stagingDir });
    expect(fs.existsSync(staged)).toBe(false);
    return { parts: fs.readdirSync(path.join(partsDir, TENANT)), objects: (await store.list(`${TENANT}/b1/`)).map(({ key }) => path.basename(key)) };
  }

  it('removes the parts of a block that became live, or was even merged into another since', async () => {
    expect(await leftBehind(['data.parquet', 'meta.json'])).toEqual({ parts: ['2.part'], objects: ['data.parquet', 'meta.json'] });
    expect(await leftBehind(['data.parquet', 'meta.compacted.json'])).toEqual({ parts: ['2.part'], objects: ['data.parquet', 'meta.compacted.json'] });
  });

  it('removes a block that did not become live, and keeps its parts', async () => {
    expect(await leftBehind(['data.parquet', 'bloom-0'])).toEqual({ parts: ['1.part', '2.part'], objects: [] });
  });
});
