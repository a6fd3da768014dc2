import { randomUUID } from 'node:crypto';
import { unreachable } from '@vivace/base';
import { openObjectStore } from '@vivace/object-store';
import type { StoreSettings } from '@vivace/object-store';
import { objectStoreContract } from '@vivace/object-store/contract';
import { afterAll, beforeAll, describe } from 'vitest';
import { startAzureServer, startGcsServer, startS3Server } from './store-servers.ts';
import type { StoreServer } from './store-servers.ts';

const quiet = { request: () => undefined, hedged: () => undefined };

const SERVERS: Readonly<Record<string, () => Promise<StoreServer>>> = { s3: startS3Server, gcs: startGcsServer, azure: startAzureServer };

describe.each(Object.entries(SERVERS))('%s', (name, startServer) => {
  let server: StoreServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  objectStoreContract(name, () => openObjectStore(withPrefix(server.settings, randomUUID()), quiet));
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
