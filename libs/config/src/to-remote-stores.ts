import type { AzureConfig, GcsConfig, HedgingConfig, S3Config } from './config.ts';
import type { Problem } from './problem.ts';
import type { Values } from './schema/root.ts';
import { toClientTls } from './to-tls.ts';

type Trace = Values['storage']['trace'];

const S3 = 'storage.trace.s3';
const MIN_S3_PART_BYTES = 5_242_880;
const GCS_CHUNK_STEP = 262_144;
const SSE_KEY_BYTES = 32;

/** What only the chosen backend needs is checked only for it: a file may carry the sections of others. */
export function toS3({ backend, s3 }: Trace, problems: Problem[]): S3Config {
  if (backend === 's3') checkS3(s3, problems);
  return {
    bucket: s3.bucket,
    prefix: s3.prefix,
    endpoint: s3.endpoint,
    region: s3.region,
    accessKey: s3.access_key,
    secretKey: s3.secret_key,
    sessionToken: s3.session_token,
    insecure: s3.insecure,
    partBytes: s3.part_size,
    hedging: toHedging(s3),
    pathStyle: s3.forcepathstyle || s3.bucket_lookup_type === 2 ? true : s3.bucket_lookup_type === 1 ? false : undefined,
    dualStack: s3.enable_dual_stack,
    tags: s3.tags,
    storageClass: s3.storage_class,
    metadata: s3.metadata,
    sse: { type: s3.sse.type, kmsKeyId: s3.sse.kms_key_id, kmsContext: s3.sse.kms_encryption_context, customerKey: s3.sse.encryption_key },
    tls: toClientTls(s3, S3, backend === 's3' ? problems : []),
  };
}

export function toGcs({ backend, gcs }: Trace, problems: Problem[]): GcsConfig {
  if (backend === 'gcs') need(gcs.bucket_name, 'storage.trace.gcs.bucket_name', problems);
  return {
    bucket: gcs.bucket_name,
    prefix: gcs.prefix,
    chunkBytes: Math.floor(gcs.chunk_buffer_size / GCS_CHUNK_STEP) * GCS_CHUNK_STEP,
    endpoint: gcs.endpoint,
    hedging: toHedging(gcs),
    insecure: gcs.insecure,
    cacheControl: gcs.object_cache_control,
    metadata: gcs.object_metadata,
    maxAttempts: gcs.max_retries,
  };
}

export function toAzure({ backend, azure }: Trace, problems: Problem[]): AzureConfig {
  if (backend === 'azure') {
    need(azure.storage_account_name, 'storage.trace.azure.storage_account_name', problems);
    need(azure.container_name, 'storage.trace.azure.container_name', problems);
  }
  return {
    account: azure.storage_account_name,
    accountKey: azure.storage_account_key,
    managedIdentity: azure.use_managed_identity,
    federatedToken: azure.use_federated_token,
    userAssignedId: azure.user_assigned_id,
    container: azure.container_name,
    prefix: azure.prefix,
    endpointSuffix: azure.endpoint_suffix,
    partsAtOnce: azure.max_buffers,
    partBytes: azure.buffer_size,
    hedging: toHedging(azure),
  };
}

function checkS3(s3: Trace['s3'], problems: Problem[]): void {
  const problem = (key: string, message: string): void => void problems.push({ where: '', path: `${S3}.${key}`, message });
  need(s3.bucket, `${S3}.bucket`, problems);
  if ((s3.access_key === '') !== s3.secret_key.isEmpty)
    problem('access_key', 'and secret_key go together: write both, or neither for the credentials of the environment');
  if (s3.part_size !== 0 && s3.part_size < MIN_S3_PART_BYTES) problem('part_size', `is ${s3.part_size}, but S3 takes no parts below ${MIN_S3_PART_BYTES}`);
  const { type, kms_encryption_context: context, encryption_key: key } = s3.sse;
  if (type === 'SSE-C' && new TextEncoder().encode(key.reveal()).length !== SSE_KEY_BYTES) problem('sse.encryption_key', `must have ${SSE_KEY_BYTES} bytes`);
  if (type === 'SSE-KMS' && context !== '' && !isJsonObject(context)) problem('sse.kms_encryption_context', 'is not a JSON object');
}

function need(value: string, path: string, problems: Problem[]): void {
  if (value === '') problems.push({ where: '', path, message: 'is empty, but storage.trace.backend needs it' });
}

function isJsonObject(text: string): boolean {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function toHedging({ hedge_requests_at, hedge_requests_up_to }: { readonly hedge_requests_at: number; readonly hedge_requests_up_to: number }): HedgingConfig {
  return { afterMs: hedge_requests_at, upTo: hedge_requests_up_to };
}
