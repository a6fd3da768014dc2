import { bool, bytes, duration, group, ignored, int, mapOf, on, oneOf, secret, string } from './node.ts';
import { blockFields, blockSearch, clientTlsThat, walFields } from './shared.ts';
import { cache, memcached, redis } from './cache.ts';

type Works = { status?: 'implemented' };

const hedging = (works: Works) => ({
  hedge_requests_at: duration('0s', 'Ask again when an answer takes longer than this to begin; 0 is never.', works),
  hedge_requests_up_to: int(2, 'Most requests for one answer.', { ...works, min: 1 }),
});

const s3Tls = (works: Works) => {
  const { tls_enabled: _, ...rest } = clientTlsThat(works);
  return rest;
};

/** `works` and `flags`, the names Tempo gives keys, are those of the store of blocks; the other users of these groups have neither. */
export const gcs = (works: Works = {}, flags: readonly string[] = []) =>
  group('Blocks in Google Cloud Storage. Credentials are those of the environment (Application Default Credentials).', {
    bucket_name: string('', 'Bucket.', { ...works, flags }),
    prefix: string('', 'Prefix of all objects.', works),
    chunk_buffer_size: bytes(10_485_760, 'Size of an uploaded chunk, rounded down to a multiple of 256 KiB. Smaller files are sent at once.', {
      ...works,
      min: 262_144,
    }),
    endpoint: string('', 'Address, when it is not the public one.', works),
    ...hedging(works),
    insecure: bool(false, 'Plain HTTP unless the endpoint says otherwise, no credentials.', works),
    object_cache_control: string('', 'Cache-Control of written objects.', works),
    object_metadata: mapOf(string('', 'Metadata of written objects.', works), 'Metadata of written objects.', works),
    list_blocks_concurrency: int(3, 'Listings at a time.'),
    max_retries: int(3, 'Most tries of a request.', { ...works, min: 1 }),
  });

export const s3 = (works: Works = {}) =>
  group('Blocks in S3 or a store that speaks its protocol.', {
    bucket: string('', 'Bucket.', works),
    prefix: string('', 'Prefix of all objects.', works),
    endpoint: string('', 'Address of the store; a scheme wins over insecure. Empty is AWS.', works),
    region: string('', 'Region. Empty is that of the endpoint, or us-east-1; AWS tells where a bucket really is.', works),
    access_key: string(
      '',
      'Access key; empty takes the credentials of the environment: AWS variables, files, web identity, container or instance role.',
      works,
    ),
    secret_key: secret('Secret key.', works),
    session_token: secret('Session token.', works),
    insecure: bool(false, 'Plain HTTP.', works),
    part_size: bytes(0, 'Size of an uploaded part, at least 5 MiB; 0 is 8 MiB. Smaller files are sent at once.', works),
    ...hedging(works),
    signature_v2: bool(false, 'Sign with version 2.'),
    forcepathstyle: bool(false, 'Bucket in the path instead of the host name.', works),
    enable_dual_stack: bool(false, 'Use addresses of AWS for IPv4 and IPv6.', works),
    bucket_lookup_type: int(0, '0 is automatic (host name at AWS, path elsewhere), 1 bucket in the host name, 2 in the path.', { ...works, max: 2 }),
    tags: mapOf(string('', 'Tags of written objects.', works), 'Tags of written objects.', works),
    storage_class: string('', 'Storage class of written objects.', works),
    metadata: mapOf(string('', 'Metadata of written objects.', works), 'Metadata of written objects.', works),
    native_aws_auth_enabled: bool(false, 'Take credentials the way the AWS SDK does. Always so here.', ignored),
    list_blocks_concurrency: int(3, 'Listings at a time.'),
    sse: group('Encryption by the store.', {
      type: oneOf(['', 'SSE-KMS', 'SSE-S3', 'SSE-C'], '', 'Kind of encryption; empty is what the bucket does.', works),
      kms_key_id: string('', 'KMS key.', works),
      kms_encryption_context: string('', 'KMS encryption context, JSON.', works),
      encryption_key: secret('Key of SSE-C: 32 bytes.', works),
    }),
    ...s3Tls(works),
  });

export const azure = (works: Works = {}, flags: readonly string[] = []) =>
  group('Blocks in Azure Blob Storage.', {
    storage_account_name: string('', 'Account.', works),
    storage_account_key: secret('Key of the account; empty takes the identity of the environment.', works),
    use_managed_identity: bool(false, 'Authenticate by managed identity.', works),
    use_federated_token: bool(false, 'Authenticate by federated token (workload identity).', works),
    user_assigned_id: string('', 'Client id of a user-assigned identity.', works),
    container_name: string('', 'Container.', works),
    prefix: string('', 'Prefix of all objects.', works),
    endpoint_suffix: string(
      'blob.core.windows.net',
      'Address after the account name when it begins with blob.; otherwise an address that has the account in its path (Azurite).',
      { ...works, flags },
    ),
    max_buffers: int(4, 'Parts of one file that are sent at a time.', { ...works, min: 1 }),
    buffer_size: bytes(3_145_728, 'Size of a part. Smaller files are sent at once.', { ...works, min: 65_536 }),
    ...hedging(works),
  });

const blockConfig = group('How blocks are written.', {
  ...blockFields('vParquet4', on),
  choose_dedicated_columns: bool(
    false,
    'Give the free columns of each block to the attributes that save most. Smaller and faster, but the tag endpoints of a Tempo that reads the block do not see them. (Not in Tempo.)',
    on,
  ),
  row_group_max_spans: int(100_000, 'Most spans of a row group, which bounds the memory of writing and reading. (Not in Tempo.)', { ...on, min: 1 }),
});

export const storage = group('Blocks and the log.', {
  trace: group('Blocks and the log.', {
    pool: group('Reads at a time.', {
      max_workers: int(400, 'Most reads at a time.'),
      queue_depth: int(20_000, 'Most reads waiting.'),
    }),
    wal: group('The log that a span is in before it is acknowledged.', {
      ...walFields('./data/wal', 'snappy', '', on),
      sync: oneOf(
        ['interval', 'always'],
        'interval',
        'When the log is forced to disk: every sync_interval, or before every acknowledgement. (Not in Tempo.)',
        on,
      ),
      sync_interval: duration('100ms', 'Time between two syncs when sync is interval. (Not in Tempo.)', { ...on, min: 1 }),
      segment_bytes: bytes(67_108_864, 'Size after which a file of the log is followed by a new one. (Not in Tempo.)', { ...on, min: 1 }),
      max_pending_bytes: bytes(134_217_728, 'Bytes that may wait to be written; then spans are refused. (Not in Tempo.)', { ...on, min: 1 }),
    }),
    block: blockConfig,
    search: blockSearch(),
    blocklist_poll: duration('5m', 'How often the list of blocks is read.', { ...on, min: 1 }),
    blocklist_poll_concurrency: int(50, 'Block metas read at a time.', { ...on, min: 1 }),
    blocklist_poll_tenant_concurrency: int(0, 'Tenants polled at a time; 0 is 1.', on),
    blocklist_poll_fallback: bool(true, 'List all blocks when there is no tenant index.', on),
    blocklist_poll_tenant_index_builders: int(2, 'Compactors that write the index of a tenant, at most.', { ...on, min: 1 }),
    blocklist_poll_stale_tenant_index: duration('0s', 'Oldest usable tenant index; 0 is any.', on),
    blocklist_poll_jitter_ms: int(0, 'Random wait before a poll, milliseconds.', { ...on, min: 0 }),
    blocklist_poll_tolerate_consecutive_errors: int(1, 'How often a tenant that cannot be polled is tried again in the same poll.', { ...on, min: 0 }),
    blocklist_poll_tolerate_tenant_failures: int(1, 'Tenants that may fail in a poll; with more the poll ends and has failed.', { ...on, min: 0 }),
    empty_tenant_deletion_enabled: bool(false, 'Delete what is left in the store of tenants without blocks.', on),
    empty_tenant_deletion_age: duration('0s', 'How old all that is left must be; 0 is 12h.', on),
    backend: oneOf(['local', 's3', 'gcs', 'azure'], 'local', 'Where blocks are.', on),
    local: group('Blocks in a folder.', { path: string('./data/blocks', 'The folder.', on) }),
    gcs: gcs(on, ['storage.trace.gcs.bucket']),
    s3: s3(on),
    azure: azure(on, ['storage.trace.azure.endpoint']),
    cache: string('', 'Old form of the cache section: memcached or redis.'),
    background_cache: cache().fields.background,
    memcached: memcached(),
    redis: redis(),
    cache_min_compaction_level: int(0, 'Least compaction level of blocks whose bloom filters are cached.'),
    cache_max_block_age: duration('0s', 'Greatest age of blocks whose bloom filters are cached; 0 is any.'),
  }),
});
