import type { GatewayClientTls } from '@vivace/config';
import { readClientTls } from '@vivace/sockets';
import type { ClientTlsFiles } from '@vivace/sockets';
import type { Address } from './addresses.ts';

/** What connecting to an upstream by TLS takes. */
export interface UpstreamTls extends ClientTlsFiles {
  readonly rejectUnauthorized: boolean;
  /** Overrides the names of addresses. */
  readonly servername?: string;
}

/** The settings for one address. */
export function tlsTo({ name }: Address, { servername = name, ...rest }: UpstreamTls): UpstreamTls {
  return { ...rest, ...(servername !== undefined && { servername }) };
}

/** Throws AppError `failed_precondition` for files that cannot be used. */
export async function readUpstreamTls({ serverName, insecureSkipVerify, ...files }: GatewayClientTls): Promise<UpstreamTls> {
  const read = await readClientTls(files, 'gateway.connections.tls');
  return { ...read, rejectUnauthorized: !insecureSkipVerify, ...(serverName !== '' && { servername: serverName }) };
}
