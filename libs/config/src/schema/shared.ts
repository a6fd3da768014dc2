import { bool, bytes, duration, float, group, ignored, int, list, mapOf, on, oneOf, port, secret, string, strings } from './node.ts';
import type { LeafOptions } from './node.ts';

/** Groups that Tempo uses in several places. */

export const serverTls = (what: string) =>
  group(`TLS of the ${what} server.`, {
    cert: string('', 'Certificate, PEM.', on),
    key: secret('Private key, PEM.', on),
    client_ca: string('', 'Certificates that sign clients, PEM.', on),
    cert_file: string('', 'File with the certificate.', on),
    key_file: string('', 'File with the private key.', on),
    client_auth_type: string('', 'Whether clients need a certificate: NoClientCert, which empty is too, or RequireAndVerifyClientCert.', on),
    client_ca_file: string('', 'File with the certificates that sign clients.', on),
  });

export const CIPHER_SUITES = 'Allowed cipher suites by their names in Go (TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256), comma separated; empty is all safe ones.';
export const MIN_VERSION = 'Least TLS version: VersionTLS12, which empty is too, VersionTLS13, VersionTLS11, VersionTLS10.';

/** The flat `tls_…` keys of clients. */
export const clientTlsThat = (works: { status?: 'implemented' }) => ({
  tls_enabled: bool(false, 'Speak TLS.', works),
  tls_cert_path: string('', 'File with the client certificate.', works),
  tls_key_path: string('', 'File with the client key.', works),
  tls_ca_path: string('', 'File with the certificates that sign the server.', works),
  tls_server_name: string('', 'Name expected in the server certificate.', works),
  tls_insecure_skip_verify: bool(false, 'Do not check the server certificate.', works),
  tls_cipher_suites: string('', CIPHER_SUITES, works),
  tls_min_version: string('', MIN_VERSION, works),
});

/** Of clients that do not work yet. */
export const clientTls = clientTlsThat({});

export const backoff = (min: string, max: string, retries: number, works: LeafOptions = {}, why = '') =>
  group('Waiting between attempts.', {
    min_period: duration(min, `${why}First wait.`, works),
    max_period: duration(max, `${why}Longest wait.`, works),
    max_retries: int(retries, `${why}Attempts; 0 is without end.`, works),
  });

interface GrpcClientDefaults {
  readonly sendBytes?: number;
  readonly maxBackoff?: string;
  readonly retries?: number;
  readonly window?: number;
  readonly connect?: string;
  readonly connectBase?: string;
  readonly connectMax?: string;
}

/** `isUsed`: of processes that there are here. */
export const grpcClient = (
  isUsed: boolean,
  {
    sendBytes = 104_857_600,
    maxBackoff = '10s',
    retries = 10,
    window = 65_535,
    connect = '5s',
    connectBase = isUsed ? '100ms' : '1s',
    connectMax = isUsed ? '500ms' : '5s',
  }: GrpcClientDefaults = {},
) => {
  const works = isUsed ? on : {};
  const unneeded = isUsed ? ignored : {};
  return group('The gRPC client.', {
    max_recv_msg_size: bytes(104_857_600, 'Largest message received.', works),
    max_send_msg_size: bytes(sendBytes, 'Largest message sent.', works),
    grpc_compression: string('snappy', 'Not needed: nothing between processes is compressed; that costs more than the bytes.', unneeded),
    rate_limit: float(0, 'Requests a second; 0 is no limit.'),
    rate_limit_burst: int(0, 'Burst of the rate limit.'),
    backoff_on_ratelimits: bool(false, 'Wait and try again when the rate limit is hit.'),
    backoff_config: backoff('100ms', maxBackoff, retries, unneeded, 'Of backoff_on_ratelimits. '),
    initial_stream_window_size: bytes(window, 'Not needed: pushes are paced by TCP, queries by windows of 64 KiB.', unneeded),
    initial_connection_window_size: bytes(window, 'Not needed: as initial_stream_window_size.', unneeded),
    connect_timeout: duration(connect, 'Longest wait for a connection; over gRPC, for its TLS. 0 is 5s.', works),
    connect_backoff_base_delay: duration(connectBase, 'First wait before connecting again, in which calls fail; 0 is 100ms.', works),
    connect_backoff_max_delay: duration(connectMax, 'Longest wait before connecting again; 0 is 500ms.', works),
    cluster_validation: group('Refuse peers of another cluster.', { label: string('', 'Name of this cluster.') }),
    ...clientTlsThat(works),
  });
};

export const poolClient = (what: string, isUsed = false) => {
  const unneeded = isUsed ? ignored : {};
  return group(`How ${what} are called.`, {
    pool_config: group('The pool of connections. Not needed: there is one for each member of the ring, and calls and gossip tell who is gone.', {
      checkinterval: duration('15s', 'How often the pool is compared with the ring.', unneeded),
      healthcheckenabled: bool(true, 'Ask members for their health.', unneeded),
      healthchecktimeout: duration('1s', 'Longest wait for a health answer.', unneeded),
      healthcheckgraceperiod: duration('0s', 'How long a failing member is kept.', unneeded),
      maxconcurrenthealthchecks: int(0, 'Health checks at a time; 0 is no limit.', unneeded),
    }),
    remote_timeout: duration('5s', 'Longest wait for an answer.', { ...(isUsed && on), min: 1 }),
    grpc_client_config: grpcClient(isUsed),
  });
};

/** With a bound on what one process has under way. */
const boundedClient = (what: string, doc: string) => {
  const base = poolClient(what, true);
  return group(base.doc, { ...base.fields, max_pending_bytes: bytes(67_108_864, `${doc} (Not in Tempo.)`, { ...on, min: 1 }) });
};

export const ingesterClient = () => boundedClient('ingesters', 'Bytes under way to one ingester; a slow one counts as failed beyond them.');

export const generatorClient = () =>
  boundedClient('metrics generators', 'Bytes that wait for or are under way to all of them; what is beyond is not sent, and counted.');

type Store = '' | 'memberlist' | 'inmemory' | 'consul' | 'etcd' | 'multi';

export const kvStore = (store: Store, works: LeafOptions = {}) =>
  group('Where the ring is kept.', {
    store: oneOf(['', 'memberlist', 'inmemory', 'consul', 'etcd', 'multi'], store, 'The store; empty is no ring.', works),
    prefix: string('collectors/', 'Prefix of the keys.'),
    consul: group('Ring in Consul.', {
      host: string('', 'Address of Consul.'),
      acl_token: secret('ACL token.'),
      http_client_timeout: duration('0s', 'Longest wait for Consul.'),
      consistent_reads: bool(false, 'Read with consistency.'),
      watch_rate_limit: float(0, 'Watches a second.'),
      watch_burst_size: int(0, 'Burst of the watch limit.'),
      cas_retry_delay: duration('0s', 'Wait before a swap is tried again.'),
    }),
    etcd: group('Ring in etcd.', {
      endpoints: strings([], 'Addresses of etcd.'),
      dial_timeout: duration('0s', 'Longest wait for a connection.'),
      max_retries: int(0, 'Attempts.'),
      username: string('', 'User name.'),
      password: secret('Password.'),
      ...clientTls,
    }),
    multi: group('Two stores at a time, for a migration.', {
      primary: string('', 'The store that is read.'),
      secondary: string('', 'The store that is written as well.'),
      mirror_enabled: bool(false, 'Write to the second store.'),
      mirror_timeout: duration('0s', 'Longest wait for the second store.'),
    }),
  });

const instance = (works: LeafOptions) => ({
  instance_id: string('', 'Name in the ring; empty is the host name.', works),
  instance_interface_names: strings([], 'Network interfaces whose address is used.', works),
  instance_port: port(0, 'Port told to others; 0 is the gRPC port.', works),
  instance_addr: string('', 'Address told to others; empty is found from the interfaces.', works),
  enable_inet6: bool(false, 'Take an IPv6 address where the address is found from the interfaces.', works),
});

export const ring = (what: string, store: Store, heartbeatTimeout: string, works: LeafOptions = {}, storeWorks: LeafOptions = {}) =>
  group(`The ring of ${what}.`, {
    kvstore: kvStore(store, storeWorks),
    heartbeat_period: duration('5s', 'How often a member says it is alive.', works),
    heartbeat_timeout: duration(heartbeatTimeout, 'After this silence a member is unhealthy.', works),
    ...instance(works),
  });

export const zonedRing = (what: string, store: Store, heartbeatTimeout: string, works: LeafOptions = {}, storeWorks: LeafOptions = {}) => {
  const base = ring(what, store, heartbeatTimeout, works, storeWorks);
  return group(base.doc, { ...base.fields, instance_zone: string('', 'Availability zone of this instance.', works) });
};

export const stableRing = (what: string, works: LeafOptions = {}, storeWorks: LeafOptions = {}) => {
  const base = ring(what, '', '1m', works, storeWorks);
  return group(base.doc, {
    ...base.fields,
    wait_stability_min_duration: duration('1m', 'How long the ring must be unchanged after the start before work begins; 0 is not at all.', works),
    wait_stability_max_duration: duration('5m', 'Longest wait for that.', works),
    wait_active_instance_timeout: duration('10m', 'Not needed: a member becomes active by itself.', works.status ? ignored : {}),
  });
};

export const partitionRing = () =>
  group('The ring of partitions.', {
    kvstore: kvStore('memberlist'),
    min_partition_owners_count: int(1, 'Owners a partition needs to become active.'),
    min_partition_owners_duration: duration('10s', 'How long it must have had them.'),
    delete_inactive_partition_after: duration('13h', 'When an inactive partition is forgotten.'),
  });

export const dedicatedColumns = (value: ReturnType<typeof columns>, doc: string, status: { status?: 'implemented' } = {}) => list(column(), value, doc, status);

function column() {
  return group('One dedicated column.', {
    scope: oneOf(['resource', 'span', 'event'], 'span', 'Where the attribute is.', on),
    name: string('', 'Name of the attribute.', on),
    type: oneOf(['string', 'int'], 'string', 'Type of its values.', on),
    options: strings([], 'array or blob.'),
  });
}

const columns = (rows: readonly (readonly ['resource' | 'span', string, 'string' | 'int'])[]) =>
  rows.map(([scope, name, type]) => ({ scope, name, type, options: [] as readonly string[] }));

const DEFAULT_COLUMNS = columns([
  ['resource', 'k8s.cluster.name', 'string'],
  ['resource', 'k8s.namespace.name', 'string'],
  ['resource', 'k8s.pod.name', 'string'],
  ['resource', 'k8s.container.name', 'string'],
  ['span', 'http.request.method', 'string'],
  ['span', 'http.response.status_code', 'int'],
  ['span', 'url.path', 'string'],
  ['span', 'url.route', 'string'],
  ['span', 'server.address', 'string'],
  ['span', 'server.port', 'int'],
  ['span', 'http.method', 'string'],
  ['span', 'http.url', 'string'],
  ['span', 'http.route', 'string'],
  ['span', 'http.status_code', 'int'],
]);

/** The name that Tempo has given a flag of `storage.trace.block` since there were other formats. */
const v2Flag = (works: { status?: 'implemented' }, name: string) => (works.status ? { flags: [`storage.trace.block.v2-${name}`] } : {});

/** Block settings; `works` marks those of `storage.trace.block`, which are the ones we write with. */
export const blockFields = (version: string, works: { status?: 'implemented' } = {}) => ({
  bloom_filter_false_positive: float(0.01, 'False positives of the bloom filter, as a fraction.', {
    ...works,
    ...v2Flag(works, 'bloom-filter-false-positive'),
    max: 1,
  }),
  bloom_filter_shard_size_bytes: bytes(102_400, 'Size of one bloom shard.', { ...works, ...v2Flag(works, 'bloom-filter-shard-size-bytes'), min: 1 }),
  version: oneOf(['', 'v2', 'vParquet3', 'vParquet4', 'vParquet5'], version as 'vParquet4', 'Format of new blocks.', { ...works, works: ['vParquet4'] }),
  search_encoding: string('snappy', 'Unused: encoding of the search data of v2 blocks.', ignored),
  search_page_size_bytes: bytes(1_048_576, 'Unused: pages of the search data of v2 blocks.', ignored),
  v2_index_downsample_bytes: bytes(1_048_576, 'Unused: index of v2 blocks.', ignored),
  v2_index_page_size_bytes: bytes(256_000, 'Unused: index of v2 blocks.', ignored),
  v2_encoding: string('zstd', 'Unused: encoding of v2 blocks.', ignored),
  parquet_row_group_size_bytes: bytes(100_000_000, 'Size of a row group in bytes of OTLP, on average over a block.', { ...works, min: 1 }),
  parquet_dedicated_columns: dedicatedColumns(DEFAULT_COLUMNS, 'Attributes that get a column of their own.', works),
});

/** Settings of a write-ahead log; `version` is absent where Tempo takes it from the block. */
export const walFields = (path: string, encoding: string, version: string, works: { status?: 'implemented' } = {}) => ({
  path: string(path, 'Folder of the log.', works),
  v2_encoding: string(encoding, 'Unused: encoding of v2 logs.', ignored),
  search_encoding: string('none', 'Unused: encoding of v2 search data.', ignored),
  ingestion_time_range_slack: duration('2m', 'Span times further from now than this do not widen the time range of a block.'),
  version: string(version, 'Format of log blocks; the log of Vivace has its own.', ignored),
});

export const blockSearch = () =>
  group('Reading blocks for search.', {
    chunk_size_bytes: bytes(1_000_000, 'Bytes read at a time.'),
    prefetch_trace_count: int(1000, 'Traces fetched ahead.'),
    read_buffer_count: int(32, 'Read buffers of a block.'),
    read_buffer_size_bytes: bytes(1_048_576, 'Size of one.'),
    cache_control: group('Which parts of a block may be cached.', {
      footer: bool(false, 'The footer.'),
      column_index: bool(false, 'The column index.'),
      offset_index: bool(false, 'The offset index.'),
    }),
  });

export const compaction = (works: { status?: 'implemented' } = {}, flags = false) => ({
  v2_in_buffer_bytes: bytes(5_242_880, 'Unused: compaction of v2 blocks.', ignored),
  v2_out_buffer_bytes: bytes(20_971_520, 'Unused: compaction of v2 blocks.', ignored),
  v2_prefetch_traces_count: int(1000, 'Unused: compaction of v2 blocks.', ignored),
  compaction_window: duration('1h', 'Blocks of one window are compacted together.', {
    ...works,
    min: 1,
    ...(flags && { flags: ['compactor.compaction.compaction.compaction-window'] }),
  }),
  max_compaction_objects: int(6_000_000, 'Most traces in a compacted block.', {
    ...works,
    ...(flags && { flags: ['compactor.compaction.compaction.max-objects-per-block'] }),
  }),
  max_block_bytes: bytes(107_374_182_400, 'Largest compacted block.', {
    ...works,
    ...(flags && { flags: ['compactor.compaction.compaction.max-block-bytes'] }),
  }),
  block_retention: duration('336h', 'How long blocks are kept.', { ...works, ...(flags && { flags: ['compactor.compaction.compaction.block-retention'] }) }),
  compacted_block_retention: duration('1h', 'How long a block is kept after it was compacted.', works),
  retention_concurrency: int(10, 'Tenants whose retention runs at a time.', works),
  max_time_per_tenant: duration('5m', 'Longest time for one tenant before the next.', works),
  compaction_cycle: duration('30s', 'Time between two cycles.', { ...works, min: 1 }),
});

export const kafka = ({ filled = false } = {}) => ({
  address: string(filled ? 'localhost:9092' : '', 'Address of the broker.'),
  topic: string('', 'Topic.'),
  client_id: string('', 'Client id.'),
  dial_timeout: duration(filled ? '2s' : '0s', 'Longest wait for a connection.'),
  write_timeout: duration(filled ? '10s' : '0s', 'Longest wait for a write.'),
  sasl_username: string('', 'SASL user name.'),
  sasl_password: secret('SASL password.'),
  consumer_group: string('', 'Consumer group.'),
  consumer_group_offset_commit_interval: duration(filled ? '1s' : '0s', 'How often offsets are committed.'),
  last_produced_offset_retry_timeout: duration(filled ? '10s' : '0s', 'Longest wait for the last offset.'),
  auto_create_topic_enabled: bool(filled, 'Create the topic.'),
  auto_create_topic_default_partitions: int(filled ? 1000 : 0, 'Partitions of a created topic.'),
  producer_max_record_size_bytes: bytes(filled ? 15_983_616 : 0, 'Largest record.'),
  producer_max_buffered_bytes: bytes(filled ? 1_073_741_824 : 0, 'Most bytes waiting to be sent.'),
  target_consumer_lag_at_startup: duration(filled ? '2s' : '0s', 'Lag to reach before start is complete.'),
  max_consumer_lag_at_startup: duration(filled ? '15s' : '0s', 'Lag accepted at start.'),
  disable_kafka_telemetry: bool(false, 'Do not send client telemetry to the broker.'),
  consumer_group_lag_metric_update_interval: duration(filled ? '1m' : '0s', 'How often the lag metric is updated.'),
});

export const headers = (doc: string) => mapOf(secret(doc), doc);
