import { readFile } from 'node:fs/promises';
import { AppError } from '@vivace/base';
import type { TlsConfig } from '@vivace/config';

export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Clients must have a certificate signed by these, when given. */
  readonly clientCa: Buffer | undefined;
}

/** Throws `failed_precondition` naming the file that cannot be read. */
export async function readTlsFiles(tls: TlsConfig): Promise<TlsFiles> {
  const [cert, key, clientCa] = await Promise.all([read(tls.certFile), read(tls.keyFile), tls.clientCaFile === '' ? undefined : read(tls.clientCaFile)]);
  return { cert, key, clientCa };
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new AppError('failed_precondition', `tls: cannot read ${JSON.stringify(file)}: ${(error as Error).message}`, { cause: error });
  }
}
