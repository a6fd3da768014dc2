import type tls from 'node:tls';
import { Seldom } from '@vivace/base';
import type { FollowTlsDeps } from './pem-files.ts';

/** Logs which clients are refused in the handshake and what would help, every few seconds at most. */
export function tellRefusals(server: tls.Server, section: string, { clock, logger }: Pick<FollowTlsDeps, 'clock' | 'logger'>): void {
  const seldom = new Seldom(clock);
  server.on('tlsClientError', (error: NodeJS.ErrnoException & { readonly reason?: string }, socket) => {
    const why = refusal(error, socket, section);
    const times = why === undefined ? 0 : seldom.times(why);
    if (times > 0) logger.warn('a client was refused', { why, client: socket.remoteAddress, times });
  });
}

/** Undefined when the client has gone by itself. */
function refusal({ code = '', reason }: NodeJS.ErrnoException & { readonly reason?: string }, socket: tls.TLSSocket, section: string): string | undefined {
  // Null, against its type, when nothing was checked.
  const unauthorized = socket.authorizationError as Error | string | null | undefined;
  if (unauthorized) return `its certificate is not signed by ${section}.client_ca_file: ${String(unauthorized)}`;
  if (code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE')
    return `it has no certificate, which ${section}.client_auth_type demands: set tls_cert_path and tls_key_path where it is configured`;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_HTTP_REQUEST') return `it does not speak TLS: set tls_enabled where it is configured`;
  return code.startsWith('ERR_SSL_') ? `TLS failed: ${reason ?? code}` : undefined;
}
