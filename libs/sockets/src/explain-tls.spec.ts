import { describe, expect, it } from 'vitest';
import { explainTls } from './explain-tls.ts';

const CONFIG = { certFile: 'c.pem', keyFile: 'k.pem', caFile: 'a.pem', serverName: '', skipVerify: false, minVersion: undefined, ciphers: '' };

/** What connections say is in libs/nest/src/rpc-tls.spec.ts; this is what takes other certificates or versions. */
describe('explainTls', () => {
  it.each<readonly [string, string, RegExp]>([
    ['CERT_HAS_EXPIRED', 'certificate has expired', /^its certificate, server\.grpc_tls_config there, is not valid now \(CERT_HAS_EXPIRED\)$/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'x', /^its certificate is not signed by a\.pem, see s\.tls_ca_path/],
    [
      'EPROTO',
      'write EPROTO 404DC5:error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure:../deps/openssl/x.c:918:SSL alert number 40',
      /^TLS failed: ssl\/tls alert handshake failure, see s\.tls_min_version, tls_cipher_suites and tls_cert_path$/,
    ],
    ['EPROTO', 'x', /^TLS failed: EPROTO, see/],
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1', /^connect ECONNREFUSED 127\.0\.0\.1:1$/],
    ['ECONNRESET', 'x', /^it ended the TLS handshake: its client_ca_file may not have signed c\.pem, or there is no TLS/],
  ])('%s', (code, message, text) => {
    expect(explainTls(Object.assign(new Error(message), { code }), false, CONFIG, 's')).toMatch(text);
  });

  it('takes a silent end for a missing certificate where there is none', () => {
    expect(explainTls(undefined, true, { ...CONFIG, certFile: '' }, 's')).toMatch(/may want a certificate \(set s\.tls_cert_path and tls_key_path\)$/);
  });
});
