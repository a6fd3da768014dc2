import type tls from 'node:tls';
import type { ServerTlsConfig } from '@vivace/config';
import { followFiles } from './follow-files.ts';
import type { FollowTlsDeps } from './pem-files.ts';
import { CERTIFICATES_PERIOD_MS, checkContext, readPem } from './pem-files.ts';
import { tellRefusals } from './tell-refusals.ts';

/** What `tls.createServer`, `https.createServer` and `setSecureContext` take. */
export type ServerTls = Pick<tls.TlsOptions, 'cert' | 'key' | 'ca' | 'requestCert' | 'rejectUnauthorized' | 'minVersion' | 'ciphers'>;

/** TLS of a server whose certificates may change. */
export interface FollowedServerTls {
  readonly options: ServerTls;
  /** New connections get the certificates that are in force then; the log tells of clients that are refused. */
  attach(server: tls.Server): void;
  stop(): void;
}

/** Throws `failed_precondition` naming the section of the configuration, and the file that cannot be read. */
export async function readServerTls({ section, cert, key, clientCa, minVersion, ciphers }: ServerTlsConfig): Promise<ServerTls> {
  const parts = [cert, key, clientCa].map(async (pem) => pem && ('text' in pem ? Buffer.from(pem.text) : readPem(pem.file, section)));
  const [certificate, privateKey, ca] = await Promise.all(parts);
  const context = {
    ...{ cert: certificate, key: privateKey },
    ...(ca && { ca }),
    ...(minVersion && { minVersion }),
    ...(ciphers !== '' && { ciphers }),
  };
  checkContext(context, section);
  return { ...context, ...(ca && { requestCert: true, rejectUnauthorized: true }) };
}

/** The files that `readServerTls` reads. */
export function serverTlsFiles({ cert, key, clientCa }: ServerTlsConfig): string[] {
  return [cert, key, clientCa].flatMap((pem) => (pem && 'file' in pem ? [pem.file] : []));
}

/** Throws as `readServerTls`. */
export async function followServerTls(config: ServerTlsConfig, deps: FollowTlsDeps): Promise<FollowedServerTls> {
  const servers: tls.Server[] = [];
  const files = await followFiles({
    ...deps,
    paths: serverTlsFiles(config),
    periodMs: CERTIFICATES_PERIOD_MS,
    async onChange() {
      const next = await readServerTls(config);
      for (const server of servers) server.setSecureContext(next);
    },
  });
  return {
    // After the first look at the files, so that no change is missed.
    options: await readServerTls(config),
    attach(server) {
      servers.push(server);
      tellRefusals(server, config.section, deps);
    },
    stop: () => files.stop(),
  };
}
