import { reveal } from '@vivace/config';
import type { StorageConfig } from '@vivace/config';
import type { StoreSettings } from '@vivace/object-store';

/** Where blocks are, as plain data for every thread. It holds secrets: not for logs. */
export function toStoreSettings({ backend, localPath, s3, gcs, azure }: StorageConfig): StoreSettings {
  switch (backend) {
    case 's3':
      return { backend, s3: reveal(s3) };
    case 'gcs':
      return { backend, gcs: reveal(gcs) };
    case 'azure':
      return { backend, azure: reveal(azure) };
    default:
      return { backend, path: localPath };
  }
}
