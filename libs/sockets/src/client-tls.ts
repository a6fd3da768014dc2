import net from 'node:net';
import tls from 'node:tls';
import type { ClientTlsConfig, TlsBounds } from '@vivace/config';
import { followFiles } from './follow-files.ts';
import type { FollowTlsDeps } from './pem-files.ts';
import { CERTIFICATES_PERIOD_MS, checkContext, readPem } from './pem-files.ts';
import { explainTls } from './explain-tls.ts';

/** TLS towards other processes, with certificates that may change. */
export interface ClientTls {
  /** Connects to `host`, over `socket` when that is given, with the certificates that are in force now. */
  connect(options: tls.ConnectionOptions & { readonly host: string }): tls.TLSSocket;
  /** Why a connection failed and which key may help. `reason` is undefined when the other side ended it, `isSecure` when that was after the handshake. */
  explain(reason: Error | undefined, isSecure: boolean): string;
  /** Looks at the files now. */
  check(): Promise<void>;
  stop(): void;
}

/** Throws `failed_precondition` naming the section of the configuration, and the file that cannot be used. */
export async function followClientTls(config: ClientTlsConfig, section: string, deps: FollowTlsDeps): Promise<ClientTls> {
  const { certFile, keyFile, caFile, serverName, skipVerify } = config;
  let secureContext: tls.SecureContext | undefined;
  const take = async (): Promise<void> => {
    secureContext = tls.createSecureContext(await readClientTls(config, section));
  };
  const paths = [certFile, keyFile, caFile].filter((file) => file !== '');
  const files = await followFiles({ ...deps, paths, periodMs: CERTIFICATES_PERIOD_MS, onChange: take });
  // After the first look at the files, so that no change is missed.
  await take();
  return {
    connect: (options) =>
      tls.connect({
        ...options,
        secureContext,
        rejectUnauthorized: !skipVerify,
        // An address is no name that a client may ask for (RFC 6066, 3); the certificate is held against it all the same.
        servername: serverName || (net.isIP(options.host) === 0 ? options.host : ''),
      }),
    explain: (reason, isSecure) => explainTls(reason, isSecure, config, section),
    check: () => files.check(),
    stop: () => files.stop(),
  };
}

export interface ClientTlsFiles extends Partial<TlsBounds> {
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly ca?: Buffer;
}

type ClientPem = Pick<ClientTlsConfig, 'certFile' | 'keyFile' | 'caFile'> & Partial<TlsBounds>;

/** What `tls.connect` and its kin take of certificates. Throws `failed_precondition` naming the section of the configuration, and the file that cannot be used. */
export async function readClientTls({ certFile, keyFile, caFile, minVersion, ciphers }: ClientPem, section: string): Promise<ClientTlsFiles> {
  const [cert, key, ca] = await Promise.all([certFile, keyFile, caFile].map(async (file) => (file === '' ? undefined : readPem(file, section))));
  const options = { ...(cert && { cert }), ...(key && { key }), ...(ca && { ca }), ...(minVersion && { minVersion }), ...(ciphers && { ciphers }) };
  checkContext(options, section);
  return options;
}
