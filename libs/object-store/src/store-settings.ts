import type { AzureConfig, GcsConfig, Revealed, S3Config } from '@vivace/config';

/** Plain data, so that every thread can open a store of its own from it. It holds secrets: not for logs. */
export type S3Settings = Revealed<S3Config>;
export type GcsSettings = Revealed<GcsConfig>;
export type AzureSettings = Revealed<AzureConfig>;

/** Which store, and how to reach it. */
export type StoreSettings =
  | { readonly backend: 'local'; readonly path: string }
  | { readonly backend: 's3'; readonly s3: S3Settings }
  | { readonly backend: 'gcs'; readonly gcs: GcsSettings }
  | { readonly backend: 'azure'; readonly azure: AzureSettings };
