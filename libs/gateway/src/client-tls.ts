import { readFile } from 'node:fs/promises';
import tls from 'node:tls';
import { AppError } from '@vivace/base';
import type { GatewayClientTls } from '@vivace/config';
import type { Address } from './addresses.ts';

/** What connecting to an upstream by TLS takes. */
export interface ClientTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly rejectUnauthorized: boolean;
  /** Overrides the names of addresses. */
  readonly servername?: string;
}

/** The settings for one address. */
export function tlsTo({ name }: Address, { servername = name, ...rest }: ClientTls): ClientTls {
  return { ...rest, ...(servername !== undefined && { servername }) };
}

/** Throws AppError `failed_precondition` for files that cannot be used. */
export async function readClientTls({ caFile, certFile, keyFile, serverName, insecureSkipVerify }: GatewayClientTls): Promise<ClientTls> {
  try {
    const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map((path) => (path === '' ? Promise.resolve(undefined) : readFile(path))));
    const files = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    tls.createSecureContext(files);
    return { ...files, rejectUnauthorized: !insecureSkipVerify, ...(serverName !== '' && { servername: serverName }) };
  } catch (reason) {
    throw new AppError('failed_precondition', `gateway.connections.tls: ${(reason as Error).message}`, { cause: reason });
  }
}
