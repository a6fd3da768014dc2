import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseTenantId, silentLogger } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import { createIngester, ingesterTasks, recoverParts } from '@vivace/ingester';
import type { Ingester } from '@vivace/ingester';
import { DEFAULT_SCAN_LIMITS, scanExport, ScanResult, traceToProto } from '@vivace/otlp';
import { PartReader } from '@vivace/part';
import { plainOf, plainTraces, tableOf } from '@vivace/testkit';
import { orderByTrace, SpanTable } from '@vivace/trace';
import { openLog } from '@vivace/wal';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chanceOf, DAMAGE_NAMES, DAMAGES } from './damage.ts';
import type { FolderContents } from './damaged-folder.ts';
import { isKept, readContents, undamagedTraces, unreadableFiles } from './damaged-folder.ts';

// As log-damage.spec.ts, with the log and the ingester in this process: a thousand starts and more, each on a folder damaged in one to four places.

const MUTATIONS = 1_500;
const REQUESTS = 40;
const TENANT = parseTenantId('single-tenant') as TenantId;

let root: string;
let original: string;
let contents: FolderContents;

beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'vivace-e2e-'));
  original = path.join(root, 'original');
  const all: string[] = [];
  // A head that is full after a dozen requests, so that parts are written; then a start whose frames stay in the log.
  for (const maxHeadSpans of [12, 1_000_000]) {
    const { ingester, close } = await open(original, maxHeadSpans);
    const traces = fc.sample(plainTraces({ maxTraces: 1, maxSpans: 6 }), { numRuns: REQUESTS, seed: maxHeadSpans }).flat();
    for (const trace of traces) {
      const traceId = (all.length + 1).toString(16).padStart(4, '0').repeat(8);
      all.push(traceId);
      const bytes = traceToProto(tableOf([{ ...trace, traceId }]), 0);
      const scan = new ScanResult();
      scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
      await ingester.push(TENANT, bytes, scan);
    }
    await close();
  }
  contents = await readContents(original, all);
  expect(contents.parts.size).toBeGreaterThan(1);
  expect(contents.segments.size).toBeGreaterThan(1);
}, 60_000);
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

it(`starts after ${MUTATIONS} mutations, finds what is undamaged, sets aside what it cannot read`, async () => {
  const dir = path.join(root, 'damaged');
  const names = [...contents.segments.keys(), ...contents.parts.keys(), 'log.id', 'parts/single-tenant/watermark.json'];
  let setAside = 0;
  for (let mutated = 0, round = 0; mutated < MUTATIONS; round++) {
    fs.rmSync(dir, { recursive: true, force: true });
    fs.cpSync(original, dir, { recursive: true });
    const chance = chanceOf(round);
    const steps: string[] = [];
    for (let n = 1 + Math.floor(chance() * 4); n > 0; n--) {
      const name = names[Math.floor(chance() * names.length)];
      const damage = DAMAGE_NAMES[Math.floor(chance() * DAMAGE_NAMES.length)];
      const file = path.join(dir, name);
      if (!fs.existsSync(file) || fs.statSync(file).size === 0) continue;
      fs.writeFileSync(file, DAMAGES[damage](fs.readFileSync(file), chance));
      mutated++;
      steps.push(`${name}: ${damage}`);
    }
    const expected = undamagedTraces(dir, contents, original);
    const unreadable = unreadableFiles(dir, contents);
    const why = `seed ${round}: ${steps.join(', ')}`;
    const { ingester, close } = await open(dir, 1_000_000).catch((cause: unknown) => {
      throw new Error(`failed start, ${why}`, { cause });
    });
    const found = recentTraces(ingester);
    expect(
      [...expected].filter((id) => !found.has(id)),
      why,
    ).toEqual([]);
    await close();
    setAside += unreadable.size;
    for (const [name, bytes] of unreadable) expect(isKept(path.join(dir, 'quarantine'), bytes), `${name} is in quarantine, ${why}`).toBe(true);
  }
  expect(setAside).toBeGreaterThan(MUTATIONS / 4);
});

/** The log and the ingester over a folder, replayed. */
async function open(dir: string, maxHeadSpans: number): Promise<{ ingester: Ingester; close: () => Promise<void> }> {
  const partsDir = path.join(dir, 'parts');
  const log = await openLog({ dir, sync: 'interval' });
  const ingester = createIngester({
    config: {
      partsDir,
      traceIdlePeriodMs: 3_600_000,
      traceLivePeriodMs: 3_600_000,
      flushCheckPeriodMs: 3_600_000,
      maxBlockDurationMs: 3_600_000,
      maxBlockBytes: 1 << 30,
      maxHeadSpans,
      maxHeadBytes: 1 << 30,
      maxSealedTables: 1_000,
      blockRetryMs: 3_600_000,
      keepFlushedMs: 0,
    },
    log,
    work: {
      writePart(request) {
        fs.mkdirSync(path.dirname(request.path), { recursive: true });
        return Promise.resolve(ingesterTasks.writePart(request));
      },
      buildBlock: () => Promise.reject(new Error('no blocks here')),
      deletePart: () => Promise.reject(new Error('no blocks here')),
      keepParts: () => Promise.reject(new Error('no blocks here')),
      dropKept: () => Promise.reject(new Error('no blocks here')),
      saveWatermark: () => Promise.resolve(),
    },
    limits: () => ({ maxBytesPerTrace: 0, maxTraces: 0, maxAttributeBytes: 2048 }),
    recovered: await recoverParts(partsDir, path.join(partsDir, '..', 'kept'), silentLogger),
    clock: { now: () => 0 },
    logger: silentLogger,
    metrics: {
      received: () => undefined,
      attributesTruncated: () => undefined,
      partWritten: () => undefined,
      blockFlushed: () => undefined,
      failed: () => undefined,
    },
  });
  await ingester.start();
  return { ingester, close: () => log.close() };
}

function recentTraces(ingester: Ingester): Set<string> {
  const recent = ingester.recent(TENANT);
  const ids = new Set<string>();
  const take = (table: SpanTable) => {
    for (const { traceId } of plainOf(table, orderByTrace(table))) ids.add(traceId);
  };
  for (const handle of recent.tables) take(new SpanTable({}, handle));
  for (const part of recent.parts) {
    const reader = new PartReader(part);
    take(reader.readTraces());
    reader.close();
  }
  recent.release();
  return ids;
}
