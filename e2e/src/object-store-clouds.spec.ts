import fs from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { newTraceId, tracesOf } from './otlp-json.ts';
import { startAzureServer, startGcsServer } from './store-servers.ts';
import type { StoreServer } from './store-servers.ts';
import { findTrace, search } from './trace-answer.ts';
import { Vivace } from './vivace.ts';

// The whole process with its blocks at Google and in Azure, as far as their emulators go; what fails and how is tested with S3.

const SPANS_PER_TRACE = 3;

let vivace: Vivace;
let server: StoreServer;
afterEach(async () => {
  await vivace.destroy();
  await server.stop();
});

/** Keys of `storage.trace` for a store, as people write them. */
function keysOf({ settings }: StoreServer): string {
  if (settings.backend === 'gcs') {
    const { bucket, endpoint } = settings.gcs;
    return `backend: gcs, gcs: { bucket_name: ${bucket}, prefix: some/where, endpoint: '${endpoint}/storage/v1/', insecure: true }`;
  }
  if (settings.backend === 'azure') {
    const { account, accountKey, container, endpointSuffix } = settings.azure;
    return `backend: azure, azure: { storage_account_name: ${account}, storage_account_key: '${accountKey}', container_name: ${container}, endpoint_suffix: '${endpointSuffix}' }`;
  }
  throw new Error(settings.backend);
}

it.each([
  ['gcs', startGcsServer],
  ['azure', startAzureServer],
] as const)('stores blocks in %s and finds them without a local disk', async (_name, startServer) => {
  server = await startServer();
  vivace = await Vivace.create({ store: keysOf(server) });
  await vivace.start();
  const ids = Array.from({ length: 10 }, newTraceId);
  await vivace.push(tracesOf('in-cloud', ids, SPANS_PER_TRACE));
  await vivace.flush();
  const check = async (): Promise<void> => {
    const found = await search(vivace, '{ resource.service.name = "in-cloud" }');
    expect(found.map(({ traceID }) => traceID).sort()).toEqual([...ids].sort());
    expect(await findTrace(vivace, ids[0])).toHaveLength(SPANS_PER_TRACE);
  };
  await check();
  await vivace.kill('SIGTERM');
  fs.rmSync(path.join(vivace.dir, 'wal'), { recursive: true });
  await vivace.start();
  await check();
  const metrics = (await vivace.get('/metrics')).body;
  expect(metrics).toMatch(/tempodb_backend_request_duration_seconds_count\{operation="GET",status_code="20[06]"\} [1-9]/);
  expect(vivace.errors()).toEqual([]);
  if (server.settings.backend === 'azure') expect(vivace.log).not.toContain(server.settings.azure.accountKey);
});
