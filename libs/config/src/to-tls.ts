import type { ClientTlsConfig, GrpcClientConfig, Pem, ServerTlsConfig, TlsBounds } from './config.ts';
import { nearest } from './nearest.ts';
import type { Problem } from './problem.ts';
import type { Values } from './schema/root.ts';

type GrpcClient = Values['ingester_client']['grpc_client_config'];

/** The `tls_…` keys of a client that speaks TLS. */
type ClientTls = Omit<Pick<GrpcClient, Extract<keyof GrpcClient, `tls_${string}`>>, 'tls_enabled'>;

/** Go's names of TLS versions. */
const VERSIONS = { VersionTLS10: 'TLSv1', VersionTLS11: 'TLSv1.1', VersionTLS12: 'TLSv1.2', VersionTLS13: 'TLSv1.3' } as const;

/** Of TLS 1.3, which Go always offers. */
const NEW_SUITES = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'];

/** Go's names (https://pkg.go.dev/crypto/tls#pkg-constants) and those of OpenSSL; RC4 and 3DES are gone from it. */
const SUITES: ReadonlyMap<string, string> = new Map([
  ...NEW_SUITES.map((name) => [name, name] as const),
  ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', 'ECDHE-ECDSA-AES128-SHA256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', 'ECDHE-ECDSA-AES128-SHA'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA', 'ECDHE-ECDSA-AES256-SHA'],
  ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
  ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256', 'ECDHE-RSA-AES128-SHA256'],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA', 'ECDHE-RSA-AES128-SHA'],
  ['TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA', 'ECDHE-RSA-AES256-SHA'],
  ['TLS_RSA_WITH_AES_128_GCM_SHA256', 'AES128-GCM-SHA256'],
  ['TLS_RSA_WITH_AES_256_GCM_SHA384', 'AES256-GCM-SHA384'],
  ['TLS_RSA_WITH_AES_128_CBC_SHA256', 'AES128-SHA256'],
  ['TLS_RSA_WITH_AES_128_CBC_SHA', 'AES128-SHA'],
  ['TLS_RSA_WITH_AES_256_CBC_SHA', 'AES256-SHA'],
]);

/** What `tls_min_version` and `tls_cipher_suites` below `path` say. */
export function toTlsBounds(
  { tls_min_version: version, tls_cipher_suites: suites }: { readonly tls_min_version: string; readonly tls_cipher_suites: string },
  path: string,
  problems: Problem[],
): TlsBounds {
  if (version !== '' && !Object.hasOwn(VERSIONS, version))
    problems.push({ where: '', path: `${path}.tls_min_version`, message: `"${version}" is not one of ${Object.keys(VERSIONS).join(', ')}` });
  return {
    minVersion: VERSIONS[version as keyof typeof VERSIONS], // undefined for others
    ciphers: toCiphers(suites, `${path}.tls_cipher_suites`, problems),
  };
}

function toCiphers(text: string, path: string, problems: Problem[]): string {
  const names = text.split(',').flatMap((name) => name.trim() || []);
  const ciphers = names.flatMap((name) => {
    const cipher = SUITES.get(name);
    if (cipher !== undefined) return cipher;
    const near = nearest(name, [...SUITES.keys()]);
    const hint = near ? `did you mean "${near}"?` : 'want names of Go such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256';
    problems.push({ where: '', path, message: `"${name}" is not a cipher suite there is; ${hint}` });
    return [];
  });
  if (names.length === 0) return '';
  return [...new Set([...(names.some((name) => NEW_SUITES.includes(name)) ? [] : NEW_SUITES), ...ciphers])].join(':');
}

export function toClientTls(tls: ClientTls, path: string, problems: Problem[]): ClientTlsConfig {
  if ((tls.tls_cert_path === '') !== (tls.tls_key_path === ''))
    problems.push({ where: '', path: `${path}.tls_cert_path`, message: 'and tls_key_path go together' });
  return {
    certFile: tls.tls_cert_path,
    keyFile: tls.tls_key_path,
    caFile: tls.tls_ca_path,
    serverName: tls.tls_server_name,
    skipVerify: tls.tls_insecure_skip_verify,
    ...toTlsBounds(tls, path, problems),
  };
}

export function toGrpcClient(client: GrpcClient, section: string, problems: Problem[]): GrpcClientConfig {
  return {
    section,
    maxReceiveBytes: client.max_recv_msg_size,
    maxSendBytes: client.max_send_msg_size,
    connectTimeoutMs: client.connect_timeout || CONNECT_TIMEOUT_MS,
    minBackoffMs: client.connect_backoff_base_delay || MIN_BACKOFF_MS,
    maxBackoffMs: client.connect_backoff_max_delay || MAX_BACKOFF_MS,
    tls: client.tls_enabled ? toClientTls(client, section, problems) : undefined,
  };
}

/** What 0 stands for. */
const CONNECT_TIMEOUT_MS = 5_000;
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 500;

const CLIENT_CERT_REQUIRED = 'RequireAndVerifyClientCert';

/** TLS is on when there is a certificate or a key. */
export function toServerTls(tls: Values['server']['http_tls_config'], section: string, bounds: TlsBounds, problems: Problem[]): ServerTlsConfig | undefined {
  const cert = toPem(tls.cert, tls.cert_file);
  const key = toPem(tls.key.reveal(), tls.key_file);
  if (!cert && !key) return undefined;
  if (!cert || !key) problems.push({ where: '', path: section, message: `needs ${cert ? 'key or key_file' : 'cert or cert_file'} too` });
  const isRequired = tls.client_auth_type === CLIENT_CERT_REQUIRED;
  const clientCa = toPem(tls.client_ca, tls.client_ca_file);
  if (!isRequired && !['', 'NoClientCert'].includes(tls.client_auth_type)) {
    const message = `"${tls.client_auth_type}" is not implemented, want NoClientCert or ${CLIENT_CERT_REQUIRED}`;
    problems.push({ where: '', path: `${section}.client_auth_type`, message });
  }
  if (isRequired && !clientCa) problems.push({ where: '', path: section, message: `needs client_ca or client_ca_file for ${CLIENT_CERT_REQUIRED}` });
  return cert && key && { section, cert, key, clientCa: isRequired ? clientCa : undefined, ...bounds };
}

function toPem(text: string, file: string): Pem | undefined {
  return text !== '' ? { text } : file === '' ? undefined : { file };
}
