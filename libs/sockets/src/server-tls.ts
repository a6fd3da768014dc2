import { readFile } from 'node:fs/promises';
import { AppError } from '@vivace/base';
import type { Pem, ServerTlsConfig } from '@vivace/config';

/** PEM. */
export interface ServerTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Clients must have a certificate signed by these, when given. */
  readonly clientCa: Buffer | undefined;
}

/** Throws `failed_precondition` naming the file that cannot be read. */
export async function readServerTls(tls: ServerTlsConfig): Promise<ServerTls> {
  const [cert, key, clientCa] = await Promise.all([read(tls.cert), read(tls.key), tls.clientCa && read(tls.clientCa)]);
  return { cert, key, clientCa };
}

async function read(pem: Pem): Promise<Buffer> {
  if ('text' in pem) return Buffer.from(pem.text);
  try {
    return await readFile(pem.file);
  } catch (reason) {
    throw new AppError('failed_precondition', `tls: cannot read ${JSON.stringify(pem.file)}: ${(reason as Error).message}`, { cause: reason });
  }
}
