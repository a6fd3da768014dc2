import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseTenantId, silentLogger } from '@vivace/base';
import type { BlockId, TenantId } from '@vivace/base';
import { DEFAULT_SCAN_LIMITS, scanExport, ScanResult, traceToProto } from '@vivace/otlp';
import { PartReader } from '@vivace/part';
import { plainOf, plainTraces, tableOf } from '@vivace/testkit';
import type { PlainTrace } from '@vivace/testkit';
import { orderByTrace, SpanTable, TraceAppender } from '@vivace/trace';
import { openLog } from '@vivace/wal';
import type { Log } from '@vivace/wal';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildBlock } from './build-block.ts';
import { ingesterTasks } from './heavy-work.ts';
import { createIngester } from './ingester.ts';
import type { Ingester } from './ingester.ts';
import type { HeavyWork, TenantLimits } from './ports.ts';
import { dropKept, keepParts } from './kept-parts.ts';
import { recoverParts, saveWatermark } from './recover.ts';

const TENANT = parseTenantId('single-tenant') as TenantId;
const OTHER = parseTenantId('other') as TenantId;

let dir: string;
let log: Log | undefined;
let nowMs = 0;
beforeEach(() => {
  nowMs = 0;
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ingester-'));
});
afterEach(async () => {
  await log?.close();
  log = undefined;
  fs.rmSync(dir, { recursive: true });
});

/** A store that is a folder of block folders, and work done on this thread. */
class InlineWork implements HeavyWork {
  failPart: Error | undefined;
  failBlock: Error | undefined;
  /** Parts in a block at most, as when it was made before the others came. */
  partsInBlock = Infinity;
  blocks: string[] = [];
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async writePart(request: Parameters<HeavyWork['writePart']>[0]) {
    if (this.failPart) throw this.failPart;
    fs.mkdirSync(path.dirname(request.path), { recursive: true });
    return ingesterTasks.writePart(request);
  }

  async buildBlock(request: Parameters<HeavyWork['buildBlock']>[0]) {
    if (this.failBlock) throw this.failBlock;
    const dir = path.join(this.#root, 'blocks', request.blockId);
    const parts = request.parts.slice(0, this.partsInBlock);
    const { meta } = buildBlock({
      ...request,
      parts,
      dir,
      dedicatedColumns: [],
      chooseDedicatedColumns: false,
      bloomFalsePositive: 0.01,
      bloomShardBytes: 102_400,
      rowGroupBytes: 1e9,
      rowGroupSpans: 8,
    });
    return {
      blockId: request.blockId,
      parts,
      traces: meta.totalObjects,
      sizeBytes: meta.size,
      announce: () => void this.blocks.push(dir),
      cleanUp: () => Promise.resolve(),
    };
  }

  async deletePart(file: string) {
    fs.rmSync(file);
  }

  keepParts(tenant: TenantId, blockId: BlockId, parts: readonly string[]) {
    return keepParts(path.join(this.#root, 'kept'), tenant, blockId, parts);
  }

  dropKept(tenant: TenantId, blockId: BlockId) {
    return dropKept(path.join(this.#root, 'kept'), tenant, blockId);
  }

  saveWatermark(tenant: TenantId, watermark: { segment: number; offset: number }) {
    return saveWatermark(path.join(this.#root, 'parts'), tenant, watermark);
  }
}

async function start(
  work: InlineWork,
  limits: Partial<TenantLimits> = {},
  config: { maxHeadSpans?: number; maxSealedTables?: number; keepFlushedMs?: number; checkMs?: number } = {},
  root = dir,
): Promise<Ingester> {
  log = await openLog({ dir: path.join(root, 'wal'), sync: 'interval' });
  const ingester = createIngester({
    config: {
      partsDir: path.join(root, 'parts'),
      traceIdlePeriodMs: 60_000,
      traceLivePeriodMs: 60_000,
      flushCheckPeriodMs: config.checkMs ?? 60_000,
      maxBlockDurationMs: 60_000,
      maxBlockBytes: 1 << 30,
      maxHeadSpans: config.maxHeadSpans ?? 1 << 20,
      maxHeadBytes: 1 << 30,
      maxSealedTables: config.maxSealedTables ?? 4,
      blockRetryMs: 1,
      keepFlushedMs: config.keepFlushedMs ?? 0,
    },
    log,
    work,
    limits: () => ({ maxBytesPerTrace: 0, maxTraces: 0, maxAttributeBytes: 2048, ...limits }),
    recovered: await recoverParts(path.join(root, 'parts'), path.join(root, 'kept'), silentLogger),
    clock: { now: () => nowMs },
    logger: silentLogger,
    metrics: {
      received: () => undefined,
      attributesTruncated: () => undefined,
      partWritten: () => undefined,
      blockFlushed: () => undefined,
      failed: () => undefined,
    },
  });
  expect(() => ingester.recent(TENANT), 'before the log is replayed').toThrow('replaying');
  await ingester.start();
  return ingester;
}

function requestOf(traces: readonly PlainTrace[]): Uint8Array {
  const table = tableOf(traces);
  return Buffer.concat(Array.from({ length: table.traceCount }, (_, row) => traceToProto(table, row)));
}

async function push(ingester: Ingester, traces: readonly PlainTrace[], tenant = TENANT) {
  const bytes = requestOf(traces);
  const scan = new ScanResult();
  scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
  return ingester.push(tenant, bytes, scan);
}

/** Every span id a tenant's recent data holds, with its trace, duplicates included. */
function recentSpans(ingester: Ingester, tenant = TENANT, covered: readonly string[] = []): string[] {
  const recent = ingester.recent(tenant, covered);
  const out: string[] = [];
  const take = (table: SpanTable) => {
    for (const trace of plainOf(table, orderByTrace(table))) for (const span of trace.spans) out.push(`${trace.traceId}/${span.spanId}/${span.kind}`);
  };
  for (const handle of recent.tables) take(new SpanTable({}, handle));
  for (const part of recent.parts) {
    const reader = new PartReader(part);
    take(reader.readTraces());
    reader.close();
  }
  recent.release();
  return out.sort();
}

const spansOf = (traces: readonly PlainTrace[]) => [...new Set(traces.flatMap((t) => t.spans.map((s) => `${t.traceId}/${s.spanId}/${s.kind}`)))].sort();
const sample = (seed: number, maxTraces = 6) =>
  fc.sample(
    plainTraces({ maxTraces, maxSpans: 6 }).filter((t) => t.length > 1),
    { numRuns: 1, seed },
  )[0];

describe('ingester', () => {
  it('holds what was pushed, per tenant, through head, part and block', async () => {
    const work = new InlineWork(dir);
    const ingester = await start(work);
    const [a, b] = [sample(1), sample(2)];
    await push(ingester, a);
    await push(ingester, b, OTHER);
    expect(recentSpans(ingester)).toEqual(spansOf(a));
    expect(recentSpans(ingester, OTHER)).toEqual(spansOf(b));
    await ingester.flush(TENANT);
    expect(recentSpans(ingester)).toEqual([]);
    expect(recentSpans(ingester, OTHER)).toEqual(spansOf(b));
    expect(work.blocks).toHaveLength(1);
    expect(fs.readdirSync(path.join(dir, 'parts', TENANT))).toEqual(['watermark.json']);
  });

  it('finds everything again after a crash, and nothing twice', async () => {
    const work = new InlineWork(dir);
    const ingester = await start(work, {}, { maxHeadSpans: 5 });
    const pushed: PlainTrace[] = [];
    for (let seed = 10; seed < 22; seed++) {
      const traces = sample(seed).map((t) => ({ ...t, traceId: (BigInt(`0x${t.traceId}`) + (BigInt(seed) << 64n)).toString(16).padStart(32, '0') }));
      await push(ingester, traces);
      pushed.push(...traces);
      if (seed === 15) await ingester.flush();
      if (seed === 18) work.failPart = new Error('disk full');
    }
    const flushed = work.blocks.length;
    // A crash is the folder as it is now.
    const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'ingester-'));
    try {
      fs.cpSync(dir, copy, { recursive: true });
      for (const lock of fs.readdirSync(path.join(copy, 'wal'), { recursive: true }) as string[])
        if (lock.endsWith('lock')) fs.rmSync(path.join(copy, 'wal', lock), { recursive: true });
      await log?.close();
      const again = new InlineWork(copy);
      const restarted = await start(again, {}, {}, copy);
      const recent = recentSpans(restarted);
      expect(new Set(recent).size).toBe(recent.length);
      expect(flushed).toBe(1);
      await restarted.flush();
      expect(again.blocks).toHaveLength(1);
      // What is not recent was in the block flushed before the crash.
      const early = spansOf(pushed).filter((s) => !recent.includes(s));
      expect([...early, ...recent].sort()).toEqual(spansOf(pushed));
      expect(
        early.every((s) => Number.parseInt(s.slice(0, 16), 16) <= 15),
        'a span pushed after the flush is not recent',
      ).toBe(true);
    } finally {
      await log?.close();
      log = undefined;
      fs.rmSync(copy, { recursive: true });
    }
  });

  it('refuses pushes while parts cannot be written, and goes on when they can', async () => {
    const work = new InlineWork(dir);
    work.failPart = new Error('no space');
    const ingester = await start(work, {}, { maxHeadSpans: 1, maxSealedTables: 2 });
    const traces = sample(3);
    await push(ingester, [traces[0]]);
    await push(ingester, [traces[1]]);
    await expect(push(ingester, [traces[0]])).rejects.toMatchObject({
      code: 'resource_exhausted',
      message: expect.stringContaining('limit ingester.max_unsaved_tables 2'),
    });
    await expect(ingester.flush()).rejects.toMatchObject({ code: 'unavailable' });
    work.failPart = undefined;
    await ingester.flush();
    expect(work.blocks).toHaveLength(1);
    await push(ingester, [traces[0]]);
    expect(recentSpans(ingester)).toEqual(spansOf([traces[0]]));
  });

  it('keeps parts when a block cannot be completed', async () => {
    const work = new InlineWork(dir);
    work.failBlock = new Error('store is down');
    const ingester = await start(work);
    const traces = sample(4);
    await push(ingester, traces);
    await expect(ingester.flush()).rejects.toMatchObject({ code: 'unavailable' });
    expect(recentSpans(ingester)).toEqual(spansOf(traces));
    work.failBlock = undefined;
    await ingester.flush();
    expect(work.blocks).toHaveLength(1);
  });

  it('retires the parts a block holds, and flushes the others into the next one', async () => {
    const traces = sample(4);
    const work = new InlineWork(dir);
    work.partsInBlock = 1;
    const ingester = await start(work, {}, { maxHeadSpans: 1 });
    for (const trace of traces) await push(ingester, [trace]);
    await ingester.flush();
    expect(work.blocks).toHaveLength(traces.length);
    expect(recentSpans(ingester)).toEqual([]);
    expect(fs.readdirSync(path.join(dir, 'parts', TENANT)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('refuses traces over the limits alone and says how many spans', async () => {
    const ingester = await start(new InlineWork(dir), { maxTraces: 1 });
    const traces = sample(5).slice(0, 2);
    const refused = await push(ingester, traces);
    expect(refused).toEqual({ traceTooLarge: 0, tooManyLiveTraces: traces[1].spans.length });
    expect(recentSpans(ingester)).toEqual(spansOf([traces[0]]));
  });

  it('refuses what makes a trace too large and keeps the other traces', async () => {
    const [small, large] = sample(5).slice(0, 2);
    const ingester = await start(new InlineWork(dir), { maxBytesPerTrace: requestOf([small]).length });
    const many = { ...large, spans: Array.from({ length: 50 }, (_, i) => ({ ...large.spans[0], spanId: (i + 100).toString(16).padStart(16, '0') })) };
    const refused = await push(ingester, [small, many]);
    expect(refused.traceTooLarge).toBeGreaterThan(0);
    expect(recentSpans(ingester)).toHaveLength(spansOf([small, many]).length - refused.traceTooLarge);
    expect(recentSpans(ingester)).toEqual(expect.arrayContaining(spansOf([small])));
  });

  it('leaves part files alone while a query reads them', async () => {
    const ingester = await start(new InlineWork(dir), {}, { maxHeadSpans: 1 });
    await push(ingester, sample(6));
    await new Promise((resolve) => setImmediate(resolve));
    const recent = ingester.recent(TENANT);
    expect(recent.parts).toHaveLength(1);
    await ingester.flush();
    expect(fs.existsSync(recent.parts[0])).toBe(true);
    recent.release();
    recent.release();
    await new Promise((resolve) => setImmediate(resolve));
    expect(fs.existsSync(recent.parts[0])).toBe(false);
  });
});

describe('buildBlock', () => {
  it('puts a trace of several parts in one row and cuts row groups between traces', () => {
    fc.assert(
      fc.property(plainTraces(), plainTraces(), (a, b) => {
        fc.pre(a.length + b.length > 0);
        const parts = [a, b].map(
          (traces, i) =>
            ingesterTasks.writePart({ table: tableOf(traces).handle(), path: path.join(dir, `${i}.part`), tenant: 't', watermark: { segment: 0, offset: 0 } })
              .path,
        );
        const { meta, files } = buildBlock({
          tenant: TENANT,
          blockId: 'x' as BlockId,
          parts,
          dir: path.join(dir, 'b'),
          dedicatedColumns: [],
          chooseDedicatedColumns: false,
          bloomFalsePositive: 0.01,
          bloomShardBytes: 1024,
          rowGroupBytes: 1e9,
          rowGroupSpans: 4,
        });
        const whole = new SpanTable();
        for (const table of [tableOf(a), tableOf(b)]) new TraceAppender(table, whole).append(orderByTrace(table));
        expect(meta.totalObjects).toBe(whole.traceCount);
        expect(meta.totalRecords).toBeLessThanOrEqual(whole.traceCount);
        expect(files.at(-1)).toBe('meta.json');
      }),
      { numRuns: 25 },
    );
  });

  it('keeps the parts of a stored block for those who do not know of it yet, over a restart too', async () => {
    const work = new InlineWork(dir);
    const first = await start(work, {}, { keepFlushedMs: 60_000 });
    const traces = sample(21);
    await push(first, traces);
    nowMs = Date.now();
    await first.flush();
    const blockId = path.basename(work.blocks[0]);
    expect(recentSpans(first)).toEqual(spansOf(traces));
    expect(recentSpans(first, TENANT, [blockId])).toEqual([]);
    await first.stop();

    const second = await start(work, {}, { keepFlushedMs: 60_000 });
    expect(recentSpans(second)).toEqual(spansOf(traces));
    expect(recentSpans(second, TENANT, ['another', blockId])).toEqual([]);
    expect(second.held(TENANT, 0)).toEqual([blockId]);
    expect(second.held('nobody' as TenantId, 0)).toEqual([]);
    await second.flush();
    expect(work.blocks).toHaveLength(1);
    await second.stop();

    // What was promised stays, and is not promised again once it was due.
    nowMs += 59_000;
    const promising = await start(work, {}, { keepFlushedMs: 60_000, checkMs: 5 });
    expect(promising.held(TENANT, 30_000)).toEqual([blockId]);
    nowMs += 2_000;
    expect(promising.held(TENANT, 30_000)).toEqual([]);
    await promising.flush();
    expect(recentSpans(promising)).toEqual(spansOf(traces));
    await promising.stop();

    const third = await start(work, {}, { keepFlushedMs: 60_000, checkMs: 5 });
    await expect.poll(() => recentSpans(third)).toEqual([]);
    await expect.poll(() => fs.readdirSync(path.join(dir, 'kept', TENANT))).toEqual([]);
    await third.stop();
  });
});
