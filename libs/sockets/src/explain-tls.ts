import type { ClientTlsConfig } from '@vivace/config';

/** Of certificates without a known signer; what OpenSSL calls them. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** `write EPROTO 40…:error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version:…` */
const OPENSSL = /:SSL routines:[^:]*:([^:]+):/;

/** Why a client could not connect, and the key that may help. `reason` is undefined when the other side ended the connection, `isSecure` when that was after the handshake. */
export function explainTls(
  reason: (Error & { readonly code?: string; readonly reason?: string }) | undefined,
  isSecure: boolean,
  { certFile, caFile }: ClientTlsConfig,
  section: string,
): string {
  const noCertificate = `set ${section}.tls_cert_path and tls_key_path`;
  const code = reason?.code ?? '';
  if (UNTRUSTED.has(code)) return `its certificate is not signed by ${caFile || 'an authority that Node knows'}, see ${section}.tls_ca_path (${code})`;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return `its certificate, server.grpc_tls_config there, is not valid now (${code})`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `its certificate is for another name, see ${section}.tls_server_name: ${reason?.reason ?? reason?.message}`;
  if (code === 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED') return `it wants a certificate: ${noCertificate}`;
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') {
    const what = reason?.reason ?? OPENSSL.exec(reason?.message ?? '')?.[1] ?? code;
    return `TLS failed: ${what}, see ${section}.tls_min_version, tls_cipher_suites and tls_cert_path`;
  }
  if (reason && code !== 'ECONNRESET') return reason.message;
  const certificate = certFile === '' ? `it may want a certificate (${noCertificate})` : `its client_ca_file may not have signed ${certFile}`;
  if (isSecure) return `it ended the connection after the TLS handshake: ${certificate}`;
  return `it ended the TLS handshake: ${certificate}, or there is no TLS (server.grpc_tls_config)`;
}
