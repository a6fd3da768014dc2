import { readFile } from 'node:fs/promises';
import tls from 'node:tls';
import { AppError } from '@vivace/base';
import type { Clock, Logger, Timers } from '@vivace/base';

/** What follows certificates needs. */
export interface FollowTlsDeps {
  readonly timers: Timers;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often files with certificates are read again. */
export const CERTIFICATES_PERIOD_MS = 10_000;

/** `section` is where the file is named, for the message. Throws `failed_precondition`. */
export async function readPem(file: string, section: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (reason) {
    throw new AppError('failed_precondition', `${section}: cannot read ${JSON.stringify(file)}: ${(reason as Error).message}`, { cause: reason });
  }
}

/** Throws `failed_precondition` for certificates, keys and ciphers that cannot be used, or not together. */
export function checkContext(options: tls.SecureContextOptions, section: string): void {
  try {
    tls.createSecureContext(options);
  } catch (reason) {
    throw new AppError('failed_precondition', `${section}: ${(reason as Error).message}`, { cause: reason });
  }
}
