// node --conditions=@vivace/source libs/compactor/src/merge-blocks.bench.ts STORE TENANT [ROUNDS]
// Merges the first four blocks of a local store into a temporary folder, as a compactor does. CPU is user and system time of the whole process, all its threads, while it merges.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { BlockId, TenantId } from '@vivace/base';
import { openBlock, parseBlockMeta } from '@vivace/block';
import { LocalObjectStore } from '@vivace/object-store';
import { boundGarbage, collect } from '@vivace/workers';
import { MERGE_GARBAGE } from './compactor-tasks.ts';
import { mergeBlocks } from './merge-blocks.ts';

const [, , storePath, tenant, rounds = '2'] = process.argv;
const store = new LocalObjectStore({ path: storePath });
const keys = (await store.listTree(`${tenant}/`, (key) => key.endsWith('/meta.json'))).slice(0, 4);
const inputs = await Promise.all(keys.map(async ({ key }) => parseBlockMeta(Buffer.from(await store.get(key)).toString(), key)));
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vivace-merge-'));
// The first round pays for the compiler, too.
for (let round = 0; round < Number(rounds); round++) {
  const before = process.cpuUsage();
  const { spans, duplicateSpans, meta } = await mergeBlocks(
    {
      tenant: tenant as TenantId,
      blockId: crypto.randomUUID() as BlockId,
      inputs,
      dir,
      bloomFalsePositive: 0.01,
      bloomShardBytes: 102_400,
      rowGroupSpans: 100_000,
      maxBytesPerTrace: 5_000_000,
    },
    {
      open: (meta) => openBlock({ store, tenant, meta }),
      pause: boundGarbage(MERGE_GARBAGE),
      signal: new AbortController().signal,
    },
  );
  collect('major');
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  console.log({
    inputSpans: spans + duplicateSpans,
    outputSpans: spans,
    bytesPerSpan: meta.size / spans,
    cpuSeconds: seconds,
    inputSpansPerCpuSecond: Math.round((spans + duplicateSpans) / seconds),
    outputSpansPerCpuSecond: Math.round(spans / seconds),
    peakMb: Math.round(process.resourceUsage().maxRSS / 1024),
  });
}
fs.rmSync(dir, { recursive: true });
