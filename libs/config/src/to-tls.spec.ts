import { AppError } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { loadConfig } from './load-config.ts';

function load(yaml: string) {
  return loadConfig({ argv: ['-config.file=f'], env: {}, readFile: () => yaml });
}

/** The refusal of a start, or undefined. */
function refusal(yaml: string): string | undefined {
  try {
    load(yaml);
    return undefined;
  } catch (reason) {
    return AppError.from(reason).message;
  }
}

const NEW = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';
const CLIENT = '{ tls_enabled: true, tls_cert_path: c, tls_key_path: k, tls_ca_path: a, tls_server_name: n, tls_min_version: VersionTLS13 }';

describe('calls between processes', () => {
  it.each([
    ['ingester_client', `ingester_client: { grpc_client_config: ${CLIENT} }`, 'ingesters', 104_857_600],
    ['metrics_generator_client', `metrics_generator_client: { grpc_client_config: ${CLIENT} }`, 'metricsGenerators', 104_857_600],
    ['querier.frontend_worker', `querier: { frontend_worker: { grpc_client_config: ${CLIENT} } }`, 'frontendWorker', 16_777_216],
  ] as const)('%s', (section, yaml, part, maxSendBytes) => {
    const { config, warnings } = load(yaml);
    expect(warnings).toEqual([]);
    expect(config.cluster[part].client).toEqual({
      section: `${section}.grpc_client_config`,
      maxReceiveBytes: 104_857_600,
      maxSendBytes,
      connectTimeoutMs: 5_000,
      minBackoffMs: 100,
      maxBackoffMs: 500,
      tls: { certFile: 'c', keyFile: 'k', caFile: 'a', serverName: 'n', skipVerify: false, minVersion: 'TLSv1.3', ciphers: '' },
    });
  });

  it('are in the clear unless TLS is enabled, whatever its files are', () => {
    const { config, warnings } = load('ingester_client: { grpc_client_config: { tls_cert_path: c, tls_min_version: no } }');
    expect(config.cluster.ingesters.client.tls).toBeUndefined();
    expect(warnings.map(({ path }) => path)).toEqual(['ingester_client.grpc_client_config.tls_enabled']);
  });

  it('warn of what they cannot do, and not of what is not needed', () => {
    const { warnings } = load(`ingester_client:
  pool_config: { checkinterval: 1s, healthcheckenabled: false }
  grpc_client_config: { grpc_compression: gzip, initial_stream_window_size: 1MiB, backoff_config: { max_retries: 3 }, rate_limit: 5, backoff_on_ratelimits: true }
live_store_client: { grpc_client_config: { tls_enabled: true } }`);
    expect(warnings.map(({ path }) => path)).toEqual([
      'ingester_client.grpc_client_config.rate_limit',
      'ingester_client.grpc_client_config.backoff_on_ratelimits',
      'live_store_client.grpc_client_config.tls_enabled',
    ]);
  });
});

describe('least version and cipher suites', () => {
  const server = (keys: string) => load(`server: { ${keys}, http_tls_config: { cert: C, key: K }, grpc_tls_config: { cert: C, key: K } }`).config.server;

  it('hold for HTTP and gRPC, by the names of Go', () => {
    const { httpTls, grpc } = server('tls_min_version: VersionTLS12, tls_cipher_suites: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_RSA_WITH_AES_256_GCM_SHA384"');
    expect(httpTls).toMatchObject({ minVersion: 'TLSv1.2', ciphers: `${NEW}:ECDHE-RSA-AES128-SHA:AES256-GCM-SHA384` });
    expect(grpc.tls).toEqual({ ...httpTls, section: 'server.grpc_tls_config' });
    expect(server('tls_cipher_suites: TLS_AES_128_GCM_SHA256').grpc.tls).toMatchObject({ minVersion: undefined, ciphers: 'TLS_AES_128_GCM_SHA256' });
  });

  it.each([
    ['server: { tls_min_version: TLS12 }', /server\.tls_min_version: "TLS12" is not one of VersionTLS10, VersionTLS11, VersionTLS12, VersionTLS13/],
    [
      'server: { tls_cipher_suites: ECDHE-RSA-AES128-GCM-SHA256 }',
      /server\.tls_cipher_suites: "ECDHE-RSA-AES128-GCM-SHA256" is not a cipher suite there is; want names of Go/,
    ],
    ['server: { tls_cipher_suites: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265 }', /; did you mean "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"\?/],
    [
      'ingester_client: { grpc_client_config: { tls_enabled: true, tls_key_path: k } }',
      /ingester_client\.grpc_client_config\.tls_cert_path: and tls_key_path go together/,
    ],
    [
      'querier: { frontend_worker: { grpc_client_config: { tls_enabled: true, tls_cipher_suites: x } } }',
      /querier\.frontend_worker\.grpc_client_config\.tls_cipher_suites: "x" is not/,
    ],
  ])('refuses %s', (yaml, message) => {
    expect(refusal(yaml)).toMatch(message);
  });
});
