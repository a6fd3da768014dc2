import type {
  Config,
  ListenAddress,
  OtlpGrpcConfig,
  OtlpHttpConfig,
  QueryObjective,
  ReceiversConfig,
  RequestLogConfig,
  TlsBounds,
  TlsConfig,
} from './config.ts';
import { toLimits } from './limits.ts';
import { toGateway } from './to-gateway.ts';
import { toCluster, toIngesterRing, toMemberlist } from './to-cluster-config.ts';
import type { Problem } from './problem.ts';
import { defaultOf } from './schema/defaults.ts';
import type { distributor } from './schema/distributor.ts';
import type { Value } from './schema/node.ts';
import { grpcReceiver, httpReceiver } from './schema/receivers.ts';
import type { Values } from './schema/root.ts';
import { toAzure, toGcs, toS3 } from './to-remote-stores.ts';
import { toServerTls, toTlsBounds } from './to-tls.ts';

type Distributor = Value<typeof distributor>;
type Tls = NonNullable<NonNullable<Distributor['receivers']['otlp']>['protocols']['grpc']>['tls'];

const MIB = 1_048_576;
const EMPTY_TENANT_AGE_MS = 12 * 3_600_000;
const UNBOUND: TlsBounds = { minVersion: undefined, ciphers: '' };

/** Tempo's names → ours. Problems that need more than one key to see are added to `problems`. */
export function toConfig(values: Values, problems: Problem[]): Config {
  const { server, ingester, compactor, querier, query_frontend: frontend, storage, workers, overrides } = values;
  const { trace } = storage;
  const { search, metrics } = frontend;
  const { block_cache: cache } = querier;
  const tlsBounds = toTlsBounds(server, 'server', problems);
  return {
    target: values.target,
    multitenancyEnabled: values.multitenancy_enabled,
    shutdownDelayMs: values.shutdown_delay,
    httpApiPrefix: toPrefix(values.http_api_prefix),
    streamOverHttp: values.stream_over_http_enabled,
    server: {
      httpListenAddress: server.http_listen_address,
      httpListenPort: server.http_listen_port,
      httpListenNetwork: server.http_listen_network,
      httpMaxConnections: server.http_listen_conn_limit,
      httpPathPrefix: toPrefix(server.http_path_prefix),
      gracefulShutdownTimeoutMs: server.graceful_shutdown_timeout,
      httpReadTimeoutMs: server.http_server_read_timeout,
      httpReadHeaderTimeoutMs: server.http_server_read_header_timeout,
      httpWriteTimeoutMs: server.http_server_write_timeout,
      httpIdleTimeoutMs: server.http_server_idle_timeout,
      httpTls: toServerTls(server.http_tls_config, 'server.http_tls_config', tlsBounds, problems),
      grpc: {
        reportCodes: server.report_grpc_codes_in_instrumentation_label_enabled,
        listenNetwork: server.grpc_listen_network,
        maxConnections: server.grpc_listen_conn_limit,
        listenAddress: server.grpc_listen_address,
        listenPort: server.grpc_listen_port,
        tls: toServerTls(server.grpc_tls_config, 'server.grpc_tls_config', tlsBounds, problems),
        maxReceiveBytes: server.grpc_server_max_recv_msg_size,
        maxSendBytes: server.grpc_server_max_send_msg_size,
        maxConcurrentStreams: server.grpc_server_max_concurrent_streams,
        maxConnectionIdleMs: server.grpc_server_max_connection_idle,
        maxConnectionAgeMs: server.grpc_server_max_connection_age,
        maxConnectionAgeGraceMs: server.grpc_server_max_connection_age_grace,
        keepaliveTimeMs: server.grpc_server_keepalive_time,
        keepaliveTimeoutMs: server.grpc_server_keepalive_timeout,
      },
      requestLog: toRequestLog(server, problems),
      logFormat: server.log_format,
      logLevel: server.log_level,
    },
    receivers: toReceivers(values.distributor, problems),
    distributor: {
      maxAttributeBytes: values.distributor.max_attribute_bytes,
      retryAfterMs: values.distributor.retry_after_on_resource_exhausted,
      maxNegativeDurationMs: values.distributor.max_negative_duration,
      artificialDelayMs: values.distributor.artificial_delay,
    },
    ingester: {
      concurrentFlushes: ingester.concurrent_flushes,
      flushCheckPeriodMs: ingester.flush_check_period,
      flushTimeoutMs: ingester.flush_op_timeout,
      traceIdlePeriodMs: ingester.trace_idle_period,
      traceLivePeriodMs: ingester.trace_live_period,
      maxBlockDurationMs: ingester.max_block_duration,
      maxBlockBytes: ingester.max_block_bytes,
      maxHeadSpans: ingester.head_max_spans,
      maxHeadBytes: ingester.head_max_bytes,
      maxSealedTables: ingester.max_unsaved_tables,
      blockRetryMs: ingester.block_retry_period,
    },
    compactor: {
      disabled: compactor.disabled,
      windowMs: compactor.compaction.compaction_window,
      maxTraces: compactor.compaction.max_compaction_objects,
      maxBlockBytes: compactor.compaction.max_block_bytes,
      retentionMs: compactor.compaction.block_retention,
      compactedRetentionMs: compactor.compaction.compacted_block_retention,
      retentionConcurrency: compactor.compaction.retention_concurrency,
      maxTimePerTenantMs: compactor.compaction.max_time_per_tenant,
      cycleMs: compactor.compaction.compaction_cycle,
    },
    metricsGenerator: {
      slackMs: values.metrics_generator.metrics_ingestion_time_range_slack,
      maxPendingBytes: values.metrics_generator.max_pending_bytes,
    },
    ingesterRing: toIngesterRing(values),
    memberlist: toMemberlist(values.memberlist, problems),
    cluster: toCluster(values, problems),
    storage: {
      backend: trace.backend,
      localPath: trace.local.path,
      s3: toS3(trace, problems),
      gcs: toGcs(trace, problems),
      azure: toAzure(trace, problems),
      wal: {
        path: trace.wal.path,
        sync: trace.wal.sync,
        syncIntervalMs: trace.wal.sync_interval,
        segmentBytes: trace.wal.segment_bytes,
        maxPendingBytes: trace.wal.max_pending_bytes,
      },
      block: {
        version: trace.block.version || 'vParquet4',
        bloomFalsePositive: trace.block.bloom_filter_false_positive,
        bloomShardBytes: trace.block.bloom_filter_shard_size_bytes,
        rowGroupBytes: trace.block.parquet_row_group_size_bytes,
        rowGroupSpans: trace.block.row_group_max_spans,
        dedicatedColumns: trace.block.parquet_dedicated_columns,
        chooseDedicatedColumns: trace.block.choose_dedicated_columns,
      },
      blocklist: {
        pollMs: trace.blocklist_poll,
        jitterMs: trace.blocklist_poll_jitter_ms,
        concurrency: trace.blocklist_poll_concurrency,
        tenantConcurrency: trace.blocklist_poll_tenant_concurrency || 1,
        fallback: trace.blocklist_poll_fallback,
        maxIndexAgeMs: trace.blocklist_poll_stale_tenant_index,
        toleratedErrors: trace.blocklist_poll_tolerate_consecutive_errors,
        toleratedTenants: trace.blocklist_poll_tolerate_tenant_failures,
        emptyTenantAgeMs: trace.empty_tenant_deletion_enabled ? trace.empty_tenant_deletion_age || EMPTY_TENANT_AGE_MS : undefined,
        indexBuilders: trace.blocklist_poll_tenant_index_builders,
      },
    },
    workers: { threads: workers.threads, maxQueued: workers.max_queued },
    gateway: toGateway(values.gateway, toServerTls(values.gateway.tls, 'gateway.tls', UNBOUND, problems), problems),
    querier: {
      maxConcurrentQueries: querier.max_concurrent_queries,
      maxMetricsSeries: querier.metrics.max_series,
      queryLimits: { maxBytes: querier.max_bytes_per_query, maxSpans: querier.max_spans_per_query, maxGroups: querier.search.max_groups },
      searchTimeoutMs: querier.search.query_timeout,
      traceByIdTimeoutMs: querier.trace_by_id.query_timeout,
      extraDelayMs: querier.extra_query_delay,
      columnCacheBytes: querier.column_cache_bytes,
      blockCache: {
        maxOpenBlocks: cache.max_open_blocks,
        footerBytes: cache.footer_bytes,
        bloomBytes: cache.bloom_bytes,
        indexBytes: cache.index_bytes,
        dictionaryBytes: cache.dictionary_bytes,
        traceIdBytes: cache.trace_id_bytes,
      },
    },
    queryFrontend: {
      apiTimeoutMs: frontend.api_timeout,
      maxOutstandingPerTenant: frontend.max_outstanding_per_tenant,
      maxQueryBytes: frontend.max_query_expression_size_bytes,
      multiTenantQueries: frontend.multi_tenant_queries_enabled,
      deniedUrls: frontend.url_deny_list,
      endCutoffMs: frontend.query_end_cutoff,
      loggedHeaders: toHeaderNames(frontend.log_query_request_headers),
      objectives: {
        traces: toObjective(frontend.trace_by_id),
        search: toObjective(search),
        metadata: toObjective(search.metadata_slo),
        metrics: toObjective(metrics),
      },
      search: {
        concurrentJobs: search.concurrent_jobs,
        targetBytesPerJob: search.target_bytes_per_job,
        defaultResultLimit: search.default_result_limit,
        maxResultLimit: search.max_result_limit,
        maxDurationMs: search.max_duration,
        queryBackendAfterMs: search.query_backend_after,
        defaultTagRangeMs: search.default_tag_range,
        defaultSpansPerSpanSet: search.default_spans_per_span_set,
        maxSpansPerSpanSet: search.max_spans_per_span_set,
      },
      metrics: {
        concurrentJobs: metrics.concurrent_jobs,
        targetBytesPerJob: metrics.target_bytes_per_job,
        maxDurationMs: metrics.max_duration,
        maxExemplars: metrics.max_exemplars,
        maxResponseSeries: metrics.max_response_series,
        maxIntervals: metrics.max_intervals,
      },
      weights: {
        areUsed: frontend.weights.request_with_weights,
        ofRetries: frontend.weights.retry_with_weights,
        maxConditions: frontend.weights.max_traceql_conditions,
        maxRegexConditions: frontend.weights.max_regex_conditions,
      },
    },
    overrides: {
      defaults: toLimits(overrides.defaults),
      perTenantFile: overrides.per_tenant_override_config,
      perTenantPeriodMs: overrides.per_tenant_override_period,
    },
    values,
  };
}

function toObjective(keys: { readonly duration_slo: number; readonly throughput_bytes_slo: number }): QueryObjective {
  return { durationMs: keys.duration_slo, bytesPerSecond: keys.throughput_bytes_slo };
}

function toRequestLog(server: Values['server'], problems: Problem[]): RequestLogConfig {
  const { log_source_ips_header: header, log_source_ips_regex: pattern } = server;
  if ((header === '') !== (pattern === ''))
    problems.push({ where: '', path: 'server.log_source_ips_header', message: 'needs server.log_source_ips_regex, and that needs it' });
  return {
    atInfo: server.log_request_at_info_level_enabled,
    headers: server.log_request_headers,
    excludedHeaders: toHeaderNames(server.log_request_exclude_headers_list),
    sources: server.log_source_ips_enabled ? { full: server.log_source_ips_full, header: header.toLowerCase(), pattern } : undefined,
  };
}

/** With commas between. */
function toHeaderNames(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== '');
}

function toPrefix(text: string): string {
  const trimmed = text.replace(/^\/+|\/+$/g, '');
  return trimmed === '' ? '' : `/${trimmed}`;
}

function toReceivers({ receivers, max_pending_bytes }: Distributor, problems: Problem[]): ReceiversConfig {
  const path = 'distributor.receivers.otlp.protocols';
  const written = Object.values(receivers).some((receiver) => receiver !== undefined);
  const grpc = written ? receivers.otlp?.protocols.grpc : defaultOf(grpcReceiver('127.0.0.1:4317'));
  const http = written ? receivers.otlp?.protocols.http : defaultOf(httpReceiver('127.0.0.1:4318'));
  if (receivers.otlp && !grpc && !http) problems.push({ where: '', path, message: 'is empty, but must name grpc, http or both' });
  return {
    otlpGrpc: grpc && toOtlpGrpc(grpc, `${path}.grpc`, problems),
    otlpHttp: http && toOtlpHttp(http, `${path}.http`, problems),
    maxPendingBytes: max_pending_bytes,
  };
}

function toOtlpGrpc(grpc: Value<ReturnType<typeof grpcReceiver>>, path: string, problems: Problem[]): OtlpGrpcConfig {
  const keepalive = grpc.keepalive?.server_parameters;
  return {
    listen: toListen(grpc.endpoint, `${path}.endpoint`, problems),
    tls: toTls(grpc.tls, `${path}.tls`, problems),
    maxMessageBytes: (grpc.max_recv_msg_size_mib || 4) * MIB,
    maxConcurrentStreams: grpc.max_concurrent_streams,
    maxConnectionIdleMs: keepalive?.max_connection_idle ?? 0,
    maxConnectionAgeMs: keepalive?.max_connection_age ?? 0,
    maxConnectionAgeGraceMs: keepalive?.max_connection_age_grace ?? 0,
    keepaliveTimeMs: keepalive?.time || 7_200_000,
    keepaliveTimeoutMs: keepalive?.timeout || 20_000,
  };
}

/** What `compression_algorithms` may name, as in the OpenTelemetry Collector; `""` is no compression. */
const ENCODINGS = ['', 'gzip', 'zstd', 'zlib', 'snappy', 'deflate', 'lz4', 'x-snappy-framed'];

function toOtlpHttp(http: Value<ReturnType<typeof httpReceiver>>, path: string, problems: Problem[]): OtlpHttpConfig {
  for (const name of http.compression_algorithms.filter((algorithm) => !ENCODINGS.includes(algorithm))) {
    problems.push({
      where: '',
      path: `${path}.compression_algorithms`,
      message: `"${name}" is not one of ${ENCODINGS.map((known) => known || '""').join(', ')}`,
    });
  }
  return {
    listen: toListen(http.endpoint, `${path}.endpoint`, problems),
    tls: toTls(http.tls, `${path}.tls`, problems),
    tracesPath: http.traces_url_path,
    maxBodyBytes: http.max_request_body_size || 20 * MIB,
    encodings: http.compression_algorithms.length === 0 ? undefined : http.compression_algorithms,
    cors: http.cors && { allowedOrigins: http.cors.allowed_origins, allowedHeaders: http.cors.allowed_headers, maxAgeSeconds: http.cors.max_age },
  };
}

function toTls(tls: Tls, path: string, problems: Problem[]): TlsConfig | undefined {
  if (!tls) return undefined;
  if (tls.cert_file === '' || tls.key_file === '') problems.push({ where: '', path, message: 'needs cert_file and key_file' });
  return { certFile: tls.cert_file, keyFile: tls.key_file, clientCaFile: tls.client_ca_file };
}

/** `host:port`, `[v6]:port` or `:port`, which is all addresses. */
function toListen(endpoint: string, path: string, problems: Problem[]): ListenAddress {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(endpoint);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) problems.push({ where: '', path, message: `"${endpoint}" is not an address with a port, such as 0.0.0.0:4317` });
  return { host: (match?.[1] ?? match?.[2]) || '0.0.0.0', port };
}
