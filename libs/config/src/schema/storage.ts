import { bool, bytes, duration, group, int, mapOf, on, oneOf, secret, string } from './node.ts';
import { blockFields, blockSearch, clientTls, walFields } from './shared.ts';
import { cache, memcached, redis } from './cache.ts';

const hedging = {
  hedge_requests_at: duration('0s', 'Ask again when an answer takes longer than this; 0 is never.'),
  hedge_requests_up_to: int(2, 'Most requests for one answer.'),
};

const { tls_enabled: _, ...s3Tls } = clientTls;

/** `flags` are the names Tempo gives the keys; only the store of blocks has them. */
export const gcs = (flags: readonly string[] = []) =>
  group('Blocks in Google Cloud Storage.', {
    bucket_name: string('', 'Bucket.', { flags }),
    prefix: string('', 'Prefix of all objects.'),
    chunk_buffer_size: bytes(10_485_760, 'Size of an uploaded chunk.'),
    endpoint: string('', 'Address, when it is not the public one.'),
    ...hedging,
    insecure: bool(false, 'Plain HTTP, no credentials.'),
    object_cache_control: string('', 'Cache-Control of written objects.'),
    object_metadata: mapOf(string('', 'Metadata of written objects.'), 'Metadata of written objects.'),
    list_blocks_concurrency: int(3, 'Listings at a time.'),
    max_retries: int(3, 'Attempts.'),
  });

export const s3 = () =>
  group('Blocks in S3 or a store that speaks its protocol.', {
    bucket: string('', 'Bucket.'),
    prefix: string('', 'Prefix of all objects.'),
    endpoint: string('', 'Address of the store, without scheme.'),
    region: string('', 'Region.'),
    access_key: string('', 'Access key; empty takes the credentials of the environment.'),
    secret_key: secret('Secret key.'),
    session_token: secret('Session token.'),
    insecure: bool(false, 'Plain HTTP.'),
    part_size: bytes(0, 'Size of an uploaded part; 0 is chosen by the client.'),
    ...hedging,
    signature_v2: bool(false, 'Sign with version 2.'),
    forcepathstyle: bool(false, 'Bucket in the path instead of the host name.'),
    enable_dual_stack: bool(false, 'Use addresses for IPv4 and IPv6.'),
    bucket_lookup_type: int(0, '0 is automatic, 1 bucket in the host name, 2 in the path.', { max: 2 }),
    tags: mapOf(string('', 'Tags of written objects.'), 'Tags of written objects.'),
    storage_class: string('', 'Storage class of written objects.'),
    metadata: mapOf(string('', 'Metadata of written objects.'), 'Metadata of written objects.'),
    native_aws_auth_enabled: bool(false, 'Take credentials the way the AWS SDK does.'),
    list_blocks_concurrency: int(3, 'Listings at a time.'),
    sse: group('Encryption by the store.', {
      type: string('', 'SSE-KMS, SSE-S3 or SSE-C.'),
      kms_key_id: string('', 'KMS key.'),
      kms_encryption_context: string('', 'KMS encryption context, JSON.'),
      encryption_key: secret('Key of SSE-C.'),
    }),
    ...s3Tls,
  });

export const azure = (flags: readonly string[] = []) =>
  group('Blocks in Azure Blob Storage.', {
    storage_account_name: string('', 'Account.'),
    storage_account_key: secret('Key of the account.'),
    use_managed_identity: bool(false, 'Authenticate by managed identity.'),
    use_federated_token: bool(false, 'Authenticate by federated token.'),
    user_assigned_id: string('', 'Client id of a user-assigned identity.'),
    container_name: string('', 'Container.'),
    prefix: string('', 'Prefix of all objects.'),
    endpoint_suffix: string('blob.core.windows.net', 'Address after the account name.', { flags }),
    max_buffers: int(4, 'Buffers of one upload.'),
    buffer_size: bytes(3_145_728, 'Size of one.'),
    ...hedging,
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
    blocklist_poll_tenant_index_builders: int(2, 'Compactors that write the index of a tenant.'),
    blocklist_poll_stale_tenant_index: duration('0s', 'Oldest usable tenant index; 0 is any.', on),
    blocklist_poll_jitter_ms: int(0, 'Random wait before a poll, milliseconds.', { ...on, min: 0 }),
    blocklist_poll_tolerate_consecutive_errors: int(1, 'Failures of a tenant in a row that are tolerated.'),
    blocklist_poll_tolerate_tenant_failures: int(1, 'Tenants that may fail in a poll.'),
    empty_tenant_deletion_enabled: bool(false, 'Delete tenants without blocks.'),
    empty_tenant_deletion_age: duration('0s', 'How long a tenant must have been empty.'),
    backend: oneOf(['local', 's3', 'gcs', 'azure'], 'local', 'Where blocks are; a store that does not work yet stops the start.', { ...on, works: ['local'] }),
    local: group('Blocks in a folder.', { path: string('./data/blocks', 'The folder.', on) }),
    gcs: gcs(['storage.trace.gcs.bucket']),
    s3: s3(),
    azure: azure(['storage.trace.azure.endpoint']),
    cache: string('', 'Old form of the cache section: memcached or redis.'),
    background_cache: cache().fields.background,
    memcached: memcached(),
    redis: redis(),
    cache_min_compaction_level: int(0, 'Least compaction level of blocks whose bloom filters are cached.'),
    cache_max_block_age: duration('0s', 'Greatest age of blocks whose bloom filters are cached; 0 is any.'),
  }),
});
