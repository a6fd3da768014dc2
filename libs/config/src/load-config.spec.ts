import { readFileSync } from 'node:fs';
import { AppError } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import type { LoadInput } from './load-config.ts';
import { loadConfig } from './load-config.ts';
import { parseOverrides } from './parse-overrides.ts';
import { tenantEntry } from './schema/overrides.ts';

const fixture = (name: string): string => readFileSync(new URL(`../../../testdata/config/${name}`, import.meta.url), 'utf8');

function load(yaml: string, { argv = [], env = {} }: Partial<LoadInput> = {}) {
  return loadConfig({ argv: ['-config.file=tempo.yaml', ...argv], env, readFile: () => yaml });
}

function refusal(yaml: string, argv: readonly string[] = []): string[] {
  try {
    load(yaml, { argv });
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe('invalid_argument');
    return (error as AppError).message.split('\n').map((line) => line.trim());
  }
  return [];
}

const warned = (loaded: ReturnType<typeof load>) => loaded.warnings.map(({ path }) => path);

describe('without a file', () => {
  it('keeps everything under ./data and listens for OTLP on the loopback address', () => {
    const { config, warnings, command } = loadConfig({ argv: [], env: {}, readFile: () => expect.fail('no file was named') });
    expect(command).toBe('run');
    expect(warnings).toEqual([]);
    expect(config.storage).toMatchObject({ backend: 'local', localPath: './data/blocks', wal: { path: './data/wal', sync: 'interval', syncIntervalMs: 100 } });
    expect(config.receivers.otlpGrpc?.listen).toEqual({ host: '127.0.0.1', port: 4317 });
    expect(config.receivers.otlpHttp?.listen).toEqual({ host: '127.0.0.1', port: 4318 });
    expect(config.receivers.maxPendingBytes).toBe(256 * 1024 * 1024);
    expect(config.ingester).toEqual({
      concurrentFlushes: 4,
      flushCheckPeriodMs: 10_000,
      flushTimeoutMs: 300_000,
      traceIdlePeriodMs: 5_000,
      traceLivePeriodMs: 30_000,
      maxBlockDurationMs: 1_800_000,
      maxBlockBytes: 524_288_000,
      maxHeadSpans: 65_536,
      maxHeadBytes: 67_108_864,
      maxSealedTables: 4,
      blockRetryMs: 30_000,
    });
  });
});

describe('files of Tempo', () => {
  it('loads the single-node file', () => {
    const loaded = load(fixture('single-node.yaml'));
    expect(loaded.config.ingester).toMatchObject({ traceIdlePeriodMs: 10_000, maxBlockDurationMs: 300_000 });
    expect(loaded.config.receivers.otlpGrpc?.listen).toEqual({ host: '0.0.0.0', port: 4317 });
    expect(loaded.config.storage).toMatchObject({ localPath: '/var/tempo/blocks', wal: { path: '/var/tempo/wal' } });
    expect(loaded.config.values.compactor.compaction.block_retention).toBe(168 * 3_600_000);
    expect(loaded.config.values.overrides.defaults.metrics_generator.processors).toEqual(['service-graphs', 'span-metrics', 'local-blocks']);
    expect(warned(loaded)).toEqual([
      'metrics_generator.registry.external_labels',
      'metrics_generator.storage.path',
      'metrics_generator.storage.remote_write',
      'overrides.defaults.metrics_generator.processors[0]',
      'overrides.defaults.metrics_generator.processors[1]',
      'overrides.defaults.metrics_generator.processors[2]',
    ]);
  });

  it('takes processors for the reason to send spans, and says of each that it does not work yet', () => {
    const text = 'overrides: {defaults: {metrics_generator: {ring_size: 2, processors: "service-graphs, span-metrics", forwarder: {workers: 3}}}}';
    const { config, warnings } = load(text);
    expect(config.overrides.defaults.metricsGenerator).toEqual({
      processors: ['service-graphs', 'span-metrics'],
      ringSize: 2,
      slackMs: 0,
      forwarder: { queueSize: 100, workers: 3 },
    });
    expect(warnings.map(({ message }) => message)).toEqual(['"service-graphs" is not implemented yet', '"span-metrics" is not implemented yet']);
  });

  it('loads the S3 file with keys from the environment', () => {
    const loaded = load(fixture('s3.yaml'), { argv: ['-config.expand-env'], env: { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'hush' } });
    const { s3 } = loaded.config.values.storage.trace;
    expect([s3.access_key, s3.secret_key.reveal(), s3.endpoint, s3.bucket, s3.insecure]).toEqual(['AKIA', 'hush', 'minio:9000', 'tempo', true]);
    expect(warned(loaded).filter((path) => path.startsWith('storage.'))).toEqual([]);
    expect(loaded.config.storage.s3).toMatchObject({ bucket: 'tempo', endpoint: 'minio:9000', insecure: true, pathStyle: undefined });
  });

  it('loads the S3 file without expansion and names the flag that expands', () => {
    const loaded = load(fixture('s3.yaml'));
    expect(loaded.config.values.storage.trace.s3.access_key).toBe('${AWS_ACCESS_KEY_ID}');
    const explained = loaded.warnings.find(({ message }) => message.startsWith('has ${'));
    expect(explained).toMatchObject({ where: 'tempo.yaml:40:19', explain: expect.stringContaining('-config.expand-env') });
  });

  it('loads the file that the chart renders', () => {
    const loaded = load(fixture('chart.yaml'));
    expect(loaded.config).toMatchObject({
      multitenancyEnabled: true,
      server: { httpListenPort: 3200, httpWriteTimeoutMs: 30_000 },
      overrides: { perTenantFile: '/runtime-config/overrides.yaml', perTenantPeriodMs: 10_000 },
    });
    expect(loaded.config.values.memberlist.cluster_label).toBe('tempo.monitoring');
  });
});

describe('memberlist', () => {
  const key = (fill: number) => Buffer.alloc(32, fill).toString('base64');

  it('has its keys in base64', () => {
    const { memberlist } = load(`memberlist: { secret_key: '${key(1)}, ${key(2)}', join_members: ['dns+gossip:7946'] }`).config;
    expect(memberlist.secretKeys).toEqual([new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]);
    expect(memberlist).toMatchObject({ joinMembers: ['dns+gossip:7946'], bindPort: 7946, verifyClusterLabel: true, gossipIntervalMs: 1_000 });
  });

  it.each(['short', 'not base64!', Buffer.alloc(16).toString('base64'), ','])('refuses the key %s without showing it', (text) => {
    expect(() => load(`memberlist: { secret_key: '${text}' }`)).toThrow('memberlist.secret_key: has a key that is not 32 bytes in base64');
    expect(() => load(`memberlist: { secret_key: '${text}' }`)).not.toThrow(`"${text}"`);
  });
});

describe('ingester.lifecycler', () => {
  it('takes the stores that work, warns of those that do not, refuses others', () => {
    const store = (name: string) => load(`ingester: { lifecycler: { ring: { kvstore: { store: ${name} } } } }`);
    expect(warned(store('inmemory'))).toEqual([]);
    expect(warned(store('consul'))).toEqual(['ingester.lifecycler.ring.kvstore.store']);
    expect(() => store('zookeeper')).toThrow('ingester.lifecycler.ring.kvstore.store');
  });
});

describe('TLS of the servers', () => {
  const tls = (text: string) => load(`server: { http_tls_config: { ${text} } }`).config.server.httpTls;

  it('is on with a certificate and its key, as text or files', () => {
    expect(tls('')).toBeUndefined();
    expect(tls('cert_file: c.pem, key_file: k.pem, client_ca_file: ca.pem')).toMatchObject({
      cert: { file: 'c.pem' },
      key: { file: 'k.pem' },
      clientCa: undefined,
    });
    expect(tls('cert: C, key: K, client_ca: CA, client_auth_type: RequireAndVerifyClientCert')).toMatchObject({
      cert: { text: 'C' },
      key: { text: 'K' },
      clientCa: { text: 'CA' },
    });
  });

  it.each([
    ['cert_file: c.pem', 'needs key or key_file too'],
    ['key_file: c.pem', 'needs cert or cert_file too'],
    ['cert: C, key: K, client_auth_type: VerifyClientCertIfGiven', '"VerifyClientCertIfGiven" is not implemented'],
    ['cert: C, key: K, client_auth_type: RequireAndVerifyClientCert', 'needs client_ca or client_ca_file'],
  ])('with %s is refused', (text, message) => {
    expect(() => tls(text)).toThrow(message);
  });
});

describe('the log of requests', () => {
  const server = (text: string) => load(`server: { ${text} }`).config.server;

  it('has headers and addresses when asked for', () => {
    expect(server('').requestLog).toEqual({ atInfo: false, headers: false, excludedHeaders: [], sources: undefined });
    const log = 'log_request_at_info_level_enabled: true, log_request_headers: true, log_request_exclude_headers_list: "X-Secret, ,Other"';
    const ips = 'log_source_ips_enabled: true, log_source_ips_full: true, log_source_ips_header: X-Client, log_source_ips_regex: "(.*)"';
    expect(server(`${log}, ${ips}`).requestLog).toEqual({
      atInfo: true,
      headers: true,
      excludedHeaders: ['x-secret', 'other'],
      sources: { full: true, header: 'x-client', pattern: '(.*)' },
    });
  });

  it.each(['log_source_ips_header: X-Client', 'log_source_ips_regex: "(.*)"'])('with %s alone is refused', (text) => {
    expect(() => server(text)).toThrow('server.log_source_ips_header: needs server.log_source_ips_regex, and that needs it');
  });
});

describe('the prefix of paths', () => {
  it.each(['pre', '/pre/', '//pre'])('is written with a slash before and none after: %s', (prefix) => {
    const { config } = load(`server: { http_path_prefix: "${prefix}" }\nhttp_api_prefix: "${prefix}"`);
    expect([config.server.httpPathPrefix, config.httpApiPrefix]).toEqual(['/pre', '/pre']);
  });
});

describe('objectives of queries', () => {
  it('are there for each kind of query', () => {
    const slo = (n: number): string => `duration_slo: ${n}s, throughput_bytes_slo: ${n}`;
    const { config, warnings } = load(
      `query_frontend: { search: { ${slo(1)}, metadata_slo: { ${slo(2)} } }, trace_by_id: { ${slo(3)} }, metrics: { ${slo(4)} }, log_query_request_headers: "A,b" }`,
    );
    const want = (n: number) => ({ durationMs: n * 1_000, bytesPerSecond: n });
    expect(config.queryFrontend.objectives).toEqual({ search: want(1), metadata: want(2), traces: want(3), metrics: want(4) });
    expect(config.queryFrontend.loggedHeaders).toEqual(['a', 'b']);
    expect(warnings).toEqual([]);
  });
});

describe('the ring of compactors', () => {
  it('is waited for, a minute at least, as long as it changes', () => {
    const stability = (text: string) => load(`compactor: { ring: { ${text} } }`).config.cluster.compactors.stability;
    expect(stability('')).toEqual({ minMs: 60_000, maxMs: 300_000 });
    expect(stability('wait_stability_min_duration: 2s, wait_stability_max_duration: 3s')).toEqual({ minMs: 2_000, maxMs: 3_000 });
  });
});

describe('parts that a querier takes', () => {
  it.each([
    ['', undefined],
    ['parallelism: 5', undefined],
    ['parallelism: 5, match_max_concurrent: false', 5],
  ])('of each frontend are as many as with %j', (text, parallelism) => {
    expect(load(`querier: { frontend_worker: { ${text} } }`).config.cluster.frontendWorker.parallelism).toBe(parallelism);
  });
});

describe('keys that do nothing', () => {
  it('give a warning, unless there is nothing to do here', () => {
    const met = 'ingester: {complete_block_timeout: 1h, flush_all_on_shutdown: true}\nquery_frontend: {search: {query_ingesters_until: 1h}}';
    expect(warned(load(met))).toEqual([]);
    expect(warned(load('storage: {trace: {wal: {ingestion_time_range_slack: 1h}}}'))).toEqual(['storage.trace.wal.ingestion_time_range_slack']);
  });
});

describe('our own keys', () => {
  it('are read as those of Tempo', () => {
    const loaded = load(
      `ingester: {head_max_spans: 5, head_max_bytes: 6KiB, max_unsaved_tables: 7, block_retry_period: 8s}
workers: {threads: 3, max_queued: 9}
querier: {column_cache_bytes: 7, block_cache: {max_open_blocks: 1, footer_bytes: 2, bloom_bytes: 3, index_bytes: 4, dictionary_bytes: 5, trace_id_bytes: 6}}
storage: {trace: {wal: {segment_bytes: 12, max_pending_bytes: 13}, block: {row_group_max_spans: 11, parquet_row_group_size_bytes: 1MB}}}
`,
      { argv: ['-distributor.max-negative-duration=2s', '-workers.threads=4'] },
    );
    expect(loaded.warnings).toEqual([]);
    const { ingester, workers, querier, storage, distributor } = loaded.config;
    expect(ingester).toMatchObject({ maxHeadSpans: 5, maxHeadBytes: 6144, maxSealedTables: 7, blockRetryMs: 8_000 });
    expect(workers).toEqual({ threads: 4, maxQueued: 9 });
    expect(querier.columnCacheBytes).toBe(7);
    expect(querier.blockCache).toEqual({ maxOpenBlocks: 1, footerBytes: 2, bloomBytes: 3, indexBytes: 4, dictionaryBytes: 5, traceIdBytes: 6 });
    expect(storage.wal).toMatchObject({ segmentBytes: 12, maxPendingBytes: 13 });
    expect(storage.block).toMatchObject({ rowGroupSpans: 11, rowGroupBytes: 1_000_000 });
    expect(distributor.maxNegativeDurationMs).toBe(2_000);
  });
});

describe('problems', () => {
  it('lists all of them with place, path, nearest key and allowed values', () => {
    const yaml = `server:
  http_listen_prt: 5
  http_listen_port: 3200
  http_listen_port: nine
  log_level: wran
distributer: {}
ingester: {trace_idle_period: 10, max_block_bytes: lots, max_block_duration: -5s}
storage: {trace: {backend: s4, pool: [1]}}
querier: {search: {query_timeout: {}}}
`;
    expect(refusal(yaml, ['-server.http-listen-prt=1', '-server.grpc-listen-port', '99999', 'extra'])).toEqual([
      'configuration: 14 problems',
      '-server.http-listen-prt: is not a known flag; did you mean "-server.http-listen-port"?',
      'extra: is not a flag; flags are -name=value, -name value or -name',
      '-server.grpc-listen-port: server.grpc_listen_port: 99999 is above the greatest allowed value 65535',
      'tempo.yaml:2:3: server.http_listen_prt: is not a known key; did you mean "http_listen_port"?',
      'tempo.yaml:4:3: this key is here twice',
      'tempo.yaml:4:21: server.http_listen_port: "nine" is not a whole number',
      'tempo.yaml:5:14: server.log_level: "wran" is not one of debug, info, warn, error; did you mean "warn"?',
      'tempo.yaml:6:1: distributer: is not a known key; did you mean "distributor"?',
      'tempo.yaml:7:31: ingester.trace_idle_period: "10" is not a duration with its unit, such as 10s',
      'tempo.yaml:7:52: ingester.max_block_bytes: "lots" is not a number of bytes such as 1048576 or 10MiB',
      'tempo.yaml:7:78: ingester.max_block_duration: -5s is below the least allowed value 1',
      'tempo.yaml:8:28: storage.trace.backend: "s4" is not one of local, s3, gcs, azure; did you mean "s3"?',
      'tempo.yaml:8:38: storage.trace.pool: is a list, but must be a section with keys below it',
      'tempo.yaml:9:35: querier.search.query_timeout: is a section, but must be a single value',
    ]);
  });

  it('checks the names of compressions', () => {
    const http = (names: string) => `distributor: {receivers: {otlp: {protocols: {http: {compression_algorithms: ${names}}}}}}\n`;
    expect(refusal(http('[gzip, br]'))[1]).toBe(
      'tempo.yaml:1:53: distributor.receivers.otlp.protocols.http.compression_algorithms: "br" is not one of "", gzip, zstd, zlib, snappy, deflate, lz4, x-snappy-framed',
    );
    expect(load(http('["", lz4]')).config.receivers.otlpHttp?.encodings).toEqual(['', 'lz4']);
    expect(load(http('[]')).config.receivers.otlpHttp?.encodings).toBeUndefined();
  });

  it('knows the place of what several keys make, too', () => {
    const yaml = 'distributor:\n  receivers: {otlp: {protocols: {grpc: {endpoint: 0.0.0.0:99999}, http: {tls: {cert_file: c}}}}}\n';
    expect(refusal(yaml)).toEqual([
      'configuration: 2 problems',
      'tempo.yaml:2:51: distributor.receivers.otlp.protocols.grpc.endpoint: "0.0.0.0:99999" is not an address with a port, such as 0.0.0.0:4317',
      'tempo.yaml:2:74: distributor.receivers.otlp.protocols.http.tls: needs cert_file and key_file',
    ]);
    expect(refusal('', ['-server.log-source-ips-header=x'])[1]).toBe(
      '-server.log-source-ips-header: server.log_source_ips_header: needs server.log_source_ips_regex, and that needs it',
    );
  });

  it('names the file that cannot be read and the line that is not YAML', () => {
    const readFile = () => {
      throw new Error('no such file');
    };
    expect(() => loadConfig({ argv: ['-config.file', 'gone.yaml'], env: {}, readFile })).toThrow('gone.yaml: cannot be read: no such file');
    expect(refusal('server: {\n')[1]).toMatch(/^tempo\.yaml:2:1: flow map/);
  });

  it('never prints a secret', () => {
    const problems = refusal('storage: {trace: {s3: {secret_key: [hush], nothing: hush}}}');
    expect(problems.join('\n')).not.toContain('hush');
  });
});

describe('anchors', () => {
  it('are followed, and merge keys put in what is not written', () => {
    const { config } = load(
      'server: &s {http_listen_port: 1, grpc_listen_port: 2}\ninternal_server: {<<: *s, http_listen_port: 3}\ningester: {trace_idle_period: &t 9s, trace_live_period: *t}',
    );
    expect(config.values.internal_server).toMatchObject({ http_listen_port: 3, grpc_listen_port: 2 });
    expect(config.ingester.traceLivePeriodMs).toBe(9_000);
  });
});

describe('flags', () => {
  it('win over the file, with one or two dashes, by Tempo’s name or by path', () => {
    const { config } = load('server: {http_listen_port: 1, http_listen_address: localhost}', {
      argv: [
        '--server.http-listen-port',
        '3',
        '-server.http_listen_address=::1',
        '-multitenancy.enabled',
        '-storage.trace.wal.sync=always',
        '-log.level',
        'debug',
      ],
    });
    expect(config.server).toMatchObject({ httpListenPort: 3, httpListenAddress: '::1', logLevel: 'debug' });
    expect([config.multitenancyEnabled, config.storage.wal.sync]).toEqual([true, 'always']);
  });

  it('choose the command', () => {
    const command = (...argv: string[]) => loadConfig({ argv, env: {}, readFile: () => '' }).command;
    expect([command('-version'), command('--help'), command('-config.verify=true'), command('-config.verify=false')]).toEqual([
      'version',
      'help',
      'verify',
      'run',
    ]);
  });
});

describe('old names', () => {
  it('are read with a warning', () => {
    const loaded = load('auth_enabled: true\noverrides: {ingestion_rate_limit_bytes: 5, max_bytes_per_trace: 7}');
    expect(loaded.config.multitenancyEnabled).toBe(true);
    expect(loaded.config.overrides.defaults).toMatchObject({ ingestionRateBytes: 5, maxBytesPerTrace: 7 });
    expect(loaded.warnings.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'auth_enabled is an old name, use multitenancy_enabled',
      'overrides.ingestion_rate_limit_bytes is an old name, use overrides.defaults.ingestion.rate_limit_bytes',
      'overrides.max_bytes_per_trace is an old name, use overrides.defaults.global.max_bytes_per_trace',
    ]);
  });

  it('are read in full, also as the entry of a tenant', () => {
    const flat = fixture('flat-overrides.yaml');
    const loaded = load(flat);
    expect(loaded.warnings.filter(({ message }) => message.startsWith('is an old name')).length).toBe(Object.keys(tenantEntry.aliases ?? {}).length);
    expect(loaded.config.values.overrides.defaults.metrics_generator.processor.span_metrics.enable_target_info).toBe(false);
    const entry = flat.replaceAll('\n  ', '\n    ').replace('overrides:', 'overrides:\n  a:');
    expect([...parseOverrides({ file: 'f', text: entry }).overrides.keys()]).toEqual(['a']);
  });

  it('do not go together with the new ones', () => {
    expect(refusal('multitenancy_enabled: false\nauth_enabled: true')[1]).toContain('auth_enabled: is the old name of multitenancy_enabled, which is set too');
  });
});
