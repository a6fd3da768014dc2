import { readFile } from 'node:fs/promises';
import { AppError } from '@vivace/base';
import type { GatewayAuthConfig } from '@vivace/config';
import { parseGatewayUsers } from '@vivace/config';
import type { Directory } from './directory.ts';
import { createDirectory } from './directory.ts';

type Env = Readonly<Record<string, string | undefined>> | undefined;

/** Reads the files that `gateway.auth` names. `env` is given when references in YAML are to be replaced. Throws AppError saying what is wrong where. */
export async function loadUsers(config: GatewayAuthConfig, env: Env): Promise<Directory> {
  const hasHtpasswd = config.htpasswdFile !== '';
  const text = config.usersFile === '' ? undefined : await read('users_file', config.usersFile);
  return createDirectory({
    config,
    usersFile: text === undefined ? undefined : parseGatewayUsers({ file: config.usersFile, text, hasHtpasswd, ...(env && { env }) }),
    htpasswd: hasHtpasswd ? await read('htpasswd_file', config.htpasswdFile) : undefined,
  });
}

async function read(key: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (reason) {
    throw new AppError('failed_precondition', `gateway.auth.${key}: cannot read ${JSON.stringify(path)}: ${(reason as Error).message}`, { cause: reason });
  }
}
