import { unreachable } from '@vivace/base';
import { LocalObjectStore } from './local-object-store.ts';
import type { ObjectStore } from './object-store.ts';
import { HEALTH_BYTES } from './remote/breaker.ts';
import type { Bucket } from './remote/bucket.ts';
import { keyPrefix } from './remote/plain-host.ts';
import type { RequestPolicy } from './remote/requests.ts';
import type { RequestObserver } from './request-observer.ts';
import type { StoreSettings } from './store-settings.ts';

/** An open store that can be closed. */
export type OpenStore = ObjectStore & { close(): Promise<void> };

/** For the threads of a process that read from one store. */
export function newStoreHealth(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEALTH_BYTES);
}

/** Tries of one request to S3 and Azure: three repetitions. */
const ATTEMPTS = 4;
const TIMEOUT_MS = 15_000;

/**
 * Each SDK takes a quarter of a second and tens of megabytes: it is loaded when its store is used. Nothing is asked of the store yet. Threads that are given the same `health` (`newStoreHealth`) find out
 * together when the store is away, and when it is back.
 */
export async function openObjectStore(settings: StoreSettings, observer: RequestObserver, health?: SharedArrayBuffer): Promise<OpenStore> {
  switch (settings.backend) {
    case 'local':
      return new LocalObjectStore({ path: settings.path });
    case 's3': {
      const { openS3Bucket } = await import('./s3/s3-bucket.ts');
      return remote(await openS3Bucket(settings.s3), settings.s3, ATTEMPTS, observer, health);
    }
    case 'gcs': {
      const { openGcsBucket } = await import('./gcs/gcs-bucket.ts');
      return remote(openGcsBucket(settings.gcs), settings.gcs, settings.gcs.maxAttempts, observer, health);
    }
    case 'azure': {
      const { openAzureBucket } = await import('./azure/azure-bucket.ts');
      return remote(await openAzureBucket(settings.azure), settings.azure, ATTEMPTS, observer, health);
    }
    default:
      return unreachable(settings);
  }
}

interface Common {
  readonly prefix: string;
  readonly hedging: { readonly afterMs: number; readonly upTo: number };
}

async function remote(
  bucket: Bucket,
  { prefix, hedging }: Common,
  attempts: number,
  observer: RequestObserver,
  health?: SharedArrayBuffer,
): Promise<OpenStore> {
  const { RemoteObjectStore } = await import('./remote/remote-object-store.ts');
  const policy: RequestPolicy = { attempts, timeoutMs: TIMEOUT_MS, hedgeAfterMs: hedging.afterMs, hedgeUpTo: hedging.upTo };
  return new RemoteObjectStore({ bucket, prefix: keyPrefix(prefix), policy, observer, health });
}
