import crypto from 'node:crypto';
import { AppError } from '@vivace/base';
import { parseTenantId } from '@vivace/base';
import type { GatewayAuthConfig, GatewayRight, GatewayUsers } from '@vivace/config';
import type { PasswordHash } from './password-hash.ts';
import { parsePasswordHash } from './password-hash.ts';

/** Somebody who may use the gateway. */
export interface Account {
  readonly name: string;
  /** What replaces the tenant that was sent; undefined leaves it. */
  readonly tenant: string | undefined;
  readonly rights: ReadonlySet<GatewayRight>;
}

interface User {
  readonly account: Account;
  readonly verify: PasswordHash;
}

/** Everybody there is, at a moment. */
export interface Directory {
  /** Without any, everybody may do everything. */
  readonly isEmpty: boolean;
  user(name: string): User | undefined;
  /** `sha256` in hex. What an attacker can learn from how long the look-up takes is about a hash they cannot choose. */
  key(sha256: string): Account | undefined;
  /** To spend the time of a verification on users that do not exist, so that nobody can tell who does. */
  readonly decoy: PasswordHash;
}

export interface DirectorySources {
  readonly config: Pick<GatewayAuthConfig, 'users' | 'apiKeys' | 'htpasswdRights'>;
  /** The content of `gateway.auth.users_file`. */
  readonly usersFile: GatewayUsers | undefined;
  /** The content of `gateway.auth.htpasswd_file`. */
  readonly htpasswd: string | undefined;
}

/** @throws AppError `invalid_argument` naming the user whose entry cannot be used. */
export function createDirectory({ config, usersFile, htpasswd }: DirectorySources): Directory {
  const hashes = htpasswd === undefined ? new Map<string, string>() : parseHtpasswd(htpasswd);
  const users = new Map<string, User>();
  const keys = new Map<string, Account>();
  let decoy: PasswordHash | undefined;
  const hashOf = (text: string, whose: string): PasswordHash => {
    const hash = parsePasswordHash(text, whose);
    decoy ??= hash;
    return hash;
  };
  const add = (name: string, user: User): void => {
    if (users.has(name)) throw new AppError('invalid_argument', `user ${JSON.stringify(name)} is both in gateway.auth.users and in gateway.auth.users_file`);
    users.set(name, user);
  };
  for (const entry of [...config.users, ...(usersFile?.users ?? [])]) {
    const whose = `user ${JSON.stringify(entry.name)}`;
    const written = entry.passwordHash.isEmpty ? hashes.get(entry.name) : entry.passwordHash.reveal();
    if (entry.password.isEmpty && written === undefined) throw new AppError('invalid_argument', `${whose} has no password, nor a line in the htpasswd file`);
    add(entry.name, { account: accountOf(entry), verify: entry.password.isEmpty ? hashOf(written!, whose) : plain(entry.password.reveal()) });
  }
  for (const [name, hash] of hashes) {
    if (users.has(name)) continue;
    const whose = `user ${JSON.stringify(name)}`;
    if (parseTenantId(name) === undefined)
      throw new AppError('invalid_argument', `${whose} of the htpasswd file needs a tenant in gateway.auth.users: the name is not legal for one`);
    add(name, { account: accountOf({ name, tenant: name, rights: config.htpasswdRights }), verify: hashOf(hash, whose) });
  }
  for (const entry of [...config.apiKeys, ...(usersFile?.apiKeys ?? [])]) {
    const sha256 = entry.sha256 === '' ? crypto.hash('sha256', entry.key.reveal()) : entry.sha256;
    if (keys.has(sha256)) throw new AppError('invalid_argument', `api key ${JSON.stringify(entry.name)} is the same as another`);
    keys.set(sha256, accountOf(entry));
  }
  return {
    isEmpty: users.size === 0 && keys.size === 0,
    user: (name) => users.get(name),
    key: (sha256) => keys.get(sha256),
    decoy: decoy ?? plain(crypto.randomUUID()),
  };
}

/** What everybody is when there is nobody. */
export const ANYBODY: Account = { name: '', tenant: undefined, rights: new Set(['read', 'write', 'admin']) };

/** What a browser is before it sends what it was asked for: it asks whether it may, without credentials (Fetch standard, CORS preflight). */
export const PREFLIGHT: Account = { name: '', tenant: undefined, rights: new Set(['write']) };

function accountOf({ name, tenant, rights }: { name: string; tenant: string; rights: readonly GatewayRight[] }): Account {
  return { name, tenant: tenant === '*' ? undefined : tenant, rights: new Set(rights) };
}

/** Digests are compared: of one length, and in constant time. */
function plain(password: string): PasswordHash {
  const key = crypto.randomBytes(32);
  const digest = (text: string): Buffer => crypto.createHmac('sha256', key).update(text).digest();
  const expected = digest(password);
  return async (given) => crypto.timingSafeEqual(digest(given), expected);
}

/** `name:hash` lines; empty ones and those that begin with # are left out. */
function parseHtpasswd(text: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const [i, written] of text.split('\n').entries()) {
    const line = written.trim();
    if (line === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    if (colon < 1) throw new AppError('invalid_argument', `htpasswd file: line ${i + 1} is not name:hash`);
    hashes.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return hashes;
}
