// node --conditions=@vivace/source libs/compactor/src/merge-blocks.bench.ts STORE TENANT
// Merges the first four blocks of a local store into a temporary folder: spans per CPU-second and peak memory.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { BlockId, TenantId } from '@vivace/base';
import { openBlock, parseBlockMeta } from '@vivace/block';
import { LocalObjectStore } from '@vivace/object-store';
import { collect } from '@vivace/workers';
import { mergeBlocks } from './merge-blocks.ts';

const [, , storePath, tenant] = process.argv;
const store = new LocalObjectStore({ path: storePath });
const keys = (await store.listTree(`${tenant}/`, (key) => key.endsWith('/meta.json'))).slice(0, 4);
const inputs = await Promise.all(keys.map(async ({ key }) => parseBlockMeta(Buffer.from(await store.get(key)).toString(), key)));
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vivace-merge-'));
for (let round = 0; round < 2; round++) {
  const before = process.cpuUsage();
  const { spans, meta } = await mergeBlocks(
    {
      tenant: tenant as TenantId,
      blockId: crypto.randomUUID() as BlockId,
      inputs,
      dir,
      bloomFalsePositive: 0.01,
      bloomShardBytes: 102_400,
      rowGroupSpans: 131_072,
      maxBytesPerTrace: 0,
    },
    {
      open: (meta) => openBlock({ store, tenant, meta }),
      pause: () => collect('minor'),
      signal: new AbortController().signal,
    },
  );
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  console.log({
    spans,
    traces: meta.totalObjects,
    bytes: meta.size,
    cpuSeconds: seconds,
    spansPerCpuSecond: Math.round(spans / seconds),
    peakMb: Math.round(process.resourceUsage().maxRSS / 1024),
  });
}
fs.rmSync(dir, { recursive: true });
