import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { unreachable } from '@vivace/base';
import { openObjectStore } from '@vivace/object-store';
import type { OpenStore, StoreSettings } from '@vivace/object-store';
import { objectStoreContract } from '@vivace/object-store/contract';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startAzureServer, startGcsServer, startS3Server } from './store-servers.ts';
import type { StoreServer } from './store-servers.ts';

const MIB = 1_048_576;
const WRONG_KEY = Buffer.from('not the right key at all').toString('base64');
const quiet = { request: () => undefined, hedged: () => undefined, refused: () => undefined };

const SERVERS: Readonly<Record<string, () => Promise<StoreServer>>> = { s3: startS3Server, gcs: startGcsServer, azure: startAzureServer };

describe.each(Object.entries(SERVERS))('%s', (name, startServer) => {
  let server: StoreServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  objectStoreContract(name, () => openObjectStore(withPrefix(server.settings, randomUUID()), quiet));

  describe(`${name}: real sizes`, () => {
    const requests: string[] = [];
    let folder: string;
    let store: OpenStore;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'object-store-'));
      requests.length = 0;
      store = await openObjectStore(withPrefix(server.settings, randomUUID()), {
        ...quiet,
        request: (method, status) => void requests.push(`${method} ${status}`),
      });
    });
    afterEach(async () => {
      await store.close();
      await rm(folder, { recursive: true });
    });

    it('takes a large file in parts and gives any range of it', async () => {
      const data = Buffer.from(Uint8Array.from({ length: 20 * MIB + 17 }, (_, i) => (i * 2_654_435_761) >>> 11));
      const path = join(folder, 'data.parquet');
      await writeFile(path, data);
      await store.putFile('t/b/data.parquet', path);
      await expect(stat(path)).rejects.toThrow('ENOENT');
      expect(requests.length).toBeGreaterThan(3);
      expect((await store.stat('t/b/data.parquet'))?.size).toBe(data.length);
      expect(data.equals(await store.get('t/b/data.parquet'))).toBe(true);
      for (const [offset, length] of [
        [0, 1],
        [MIB - 1, 2],
        [8 * MIB - 5, 5 * MIB],
        [data.length - 8, 8],
      ])
        expect(data.subarray(offset, offset + length).equals(await store.getRange('t/b/data.parquet', offset, length))).toBe(true);
      expect(requests.filter((request) => !/ 20\d$| 308$/.test(request))).toEqual([]);
    });

    it('stores nothing when the caller gives up', async () => {
      const path = join(folder, 'data.parquet');
      await writeFile(path, new Uint8Array(20 * MIB));
      const controller = new AbortController();
      const stored = store.putFile('t/b/data.parquet', path, controller.signal);
      await expect.poll(() => requests.length).toBeGreaterThan(0);
      controller.abort();
      await expect(stored).rejects.toMatchObject({ name: 'AbortError' });
      expect(await store.stat('t/b/data.parquet')).toBeUndefined();
      expect((await stat(path)).size).toBe(20 * MIB);
      await store.putFile('t/b/data.parquet', path);
      expect((await store.stat('t/b/data.parquet'))?.size).toBe(20 * MIB);
    });

    it('lists more than one page', async () => {
      const keys = Array.from({ length: 1_100 }, (_, i) => `t/${String(i).padStart(4, '0')}/meta.json`);
      for (let i = 0; i < keys.length; i += 50) await Promise.all(keys.slice(i, i + 50).map((key) => store.put(key, new Uint8Array(1))));
      expect(await store.listFolders('t/')).toHaveLength(keys.length);
      expect((await store.listTree('t/', () => true)).map(({ key }) => key)).toEqual(keys);
      // fake-gcs-server gives all folders on one page.
      expect(requests.filter((request) => request.startsWith('GET')).length).toBeGreaterThan(2);
    });
  });

  it(`${name}: says that the bucket is not there`, async () => {
    const store = await openObjectStore(withBucket(server.settings, 'no-such-bucket'), quiet);
    await expect(store.listFolders('')).rejects.toMatchObject({
      code: 'failed_precondition',
      message: expect.stringMatching(/no-such-bucket.*storage\.trace\./),
    });
    await store.close();
  });
});

it.each([
  ['s3', startS3Server],
  ['azure', startAzureServer],
] as const)('%s: refuses wrong credentials, and does not tell them', async (_name, startServer) => {
  const server = await startServer();
  onTestFinished(() => server.stop());
  const store = await openObjectStore(withWrongKey(server.settings), quiet);
  const error = await store.listFolders('').then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: 'permission_denied', message: expect.stringContaining('check the credentials of storage.trace.') });
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(WRONG_KEY);
  await store.close();
});

function withPrefix(settings: StoreSettings, prefix: string): StoreSettings {
  switch (settings.backend) {
    case 'local':
      return settings;
    case 's3':
      return { ...settings, s3: { ...settings.s3, prefix } };
    case 'gcs':
      return { ...settings, gcs: { ...settings.gcs, prefix } };
    case 'azure':
      return { ...settings, azure: { ...settings.azure, prefix } };
    default:
      return unreachable(settings);
  }
}

function withBucket(settings: StoreSettings, bucket: string): StoreSettings {
  switch (settings.backend) {
    case 'local':
      return settings;
    case 's3':
      return { ...settings, s3: { ...settings.s3, bucket } };
    case 'gcs':
      return { ...settings, gcs: { ...settings.gcs, bucket } };
    case 'azure':
      return { ...settings, azure: { ...settings.azure, container: bucket } };
    default:
      return unreachable(settings);
  }
}

function withWrongKey(settings: StoreSettings): StoreSettings {
  if (settings.backend === 's3') return { ...settings, s3: { ...settings.s3, secretKey: WRONG_KEY } };
  if (settings.backend === 'azure') return { ...settings, azure: { ...settings.azure, accountKey: WRONG_KEY } };
  return settings;
}
