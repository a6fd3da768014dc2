import { AppError, createMemoryMetrics } from '@vivace/base';
import { Secret } from '@vivace/config';
import type { GatewayUser } from '@vivace/config';
import { beforeEach, describe, expect, it } from 'vitest';
import { Authenticator } from './authenticator.ts';
import type { Account, Directory } from './directory.ts';
import { createDirectory } from './directory.ts';
import { basic } from './gateway.fixture.ts';

const user = (name: string, password: string, more: Partial<GatewayUser> = {}): GatewayUser => ({
  name,
  tenant: name,
  rights: ['read'],
  password: new Secret(password),
  passwordHash: new Secret(''),
  ...more,
});

let nowMs: number;
/** Passwords that were computed on, in order. */
let hashed: string[];
beforeEach(() => {
  nowMs = 0;
  hashed = [];
});

function spied(directory: Directory): Directory {
  const spy = (name: string, verify: (password: string) => Promise<boolean>) => (password: string) => {
    hashed.push(`${name}:${password}`);
    return verify(password);
  };
  return {
    ...directory,
    user(name) {
      const found = directory.user(name);
      return found && { ...found, verify: spy(name, found.verify) };
    },
    decoy: spy('(decoy)', directory.decoy),
  };
}

function setUp(users: readonly GatewayUser[] = [user('anna', 'a'), user('bo', 'b')]) {
  const metrics = createMemoryMetrics();
  const directory = (of: readonly GatewayUser[]): Directory =>
    spied(createDirectory({ config: { users: of, apiKeys: [], htpasswdRights: ['read'] }, usersFile: undefined, htpasswd: undefined }));
  const config = { cacheTtlMs: 1_000, maxFailures: 3, failureWindowMs: 60_000 };
  const authenticator = new Authenticator(directory(users), { config, clock: { now: () => nowMs }, metrics });
  const ask = async (name: string, password: string, address = '1.1.1.1'): Promise<string> => {
    try {
      return (await authenticator.authenticate({ authorization: basic(name, password) }, address)).name;
    } catch (error) {
      const { code, retryAfterMs } = AppError.from(error);
      return retryAfterMs === undefined ? code : `${code} ${retryAfterMs}`;
    }
  };
  const failures = (reason: string): number => metrics.value('vivace_gateway_auth_failures_total', { reason });
  return { authenticator, ask, failures, directory };
}

describe('Authenticator', () => {
  it('lets everybody in when there is nobody', () => {
    const { authenticator } = setUp([]);
    expect(authenticator.authenticate({}, 'x')).toMatchObject({ tenant: undefined });
  });

  it('computes once for a password within the time it is remembered, and once for all who send it at a time', async () => {
    const { authenticator, ask } = setUp();
    expect(await Promise.all(Array.from({ length: 50 }, () => ask('anna', 'a')))).toEqual(Array.from({ length: 50 }, () => 'anna'));
    expect(authenticator.authenticate({ authorization: basic('anna', 'a') }, 'x')).not.toBeInstanceOf(Promise);
    expect(hashed).toEqual(['anna:a']);
    nowMs = 1_000;
    await ask('anna', 'a');
    expect(hashed).toEqual(['anna:a', 'anna:a']);
  });

  it('computes for users who do not exist as for those who do', async () => {
    const { ask, failures } = setUp();
    expect(await ask('nobody', 'x')).toBe('unauthenticated');
    expect(hashed).toEqual(['(decoy):x']);
    expect(failures('wrong')).toBe(1);
  });

  it('stops an address that guesses, for as long as it says', async () => {
    const { ask, failures } = setUp();
    for (const name of ['anna', 'bo', 'nobody']) expect(await ask(name, 'wrong')).toBe('unauthenticated');
    nowMs = 10_000;
    expect(await ask('bo', 'b')).toBe('resource_exhausted 50000');
    expect(await ask('bo', 'b', '2.2.2.2')).toBe('bo');
    expect(failures('limited')).toBe(1);
    nowMs = 60_000;
    expect(await ask('bo', 'wrong')).toBe('unauthenticated');
  });

  it('stops guesses at a user from many addresses, but not the one who has known the password', async () => {
    const { ask } = setUp();
    expect(await ask('anna', 'a')).toBe('anna');
    for (let i = 0; i < 3; i++) expect(await ask('anna', `guess ${i}`, `3.3.3.${i}`)).toBe('unauthenticated');
    expect(await ask('anna', 'guess 4', '4.4.4.4')).toMatch(/^resource_exhausted/);
    nowMs = 2_000;
    expect(await ask('anna', 'a', '4.4.4.4')).toBe('anna');
  });

  it('stops an address that guesses keys, but not the keys that were good there', () => {
    const { authenticator } = setUp();
    const key = (name: string) => ({ name, tenant: name, rights: ['write'] as const, key: new Secret(`key-${name}`), sha256: '' });
    const config = { users: [], apiKeys: [key('old'), key('new')], htpasswdRights: [] };
    authenticator.replace(createDirectory({ config, usersFile: undefined, htpasswd: undefined }));
    const ask = (text: string): unknown => authenticator.authenticate({ 'x-api-key': text }, '1.1.1.1');
    expect(ask('key-old')).toMatchObject({ name: 'old' });
    for (let i = 0; i < 3; i++) expect(() => ask('guess')).toThrow('wrong api key');
    expect(() => ask('key-new')).toThrow('too many wrong credentials');
    expect(ask('key-old')).toMatchObject({ name: 'old' });
    nowMs = 60_000;
    expect(ask('key-new')).toMatchObject({ name: 'new' });
  });

  it('counts guesses made at the same time, and not those that were right', async () => {
    const { ask } = setUp();
    const answers = await Promise.all(['w', 'x', 'y', 'z'].map((guess) => ask('anna', guess)));
    expect(answers.map((answer) => answer.split(' ')[0])).toEqual(['unauthenticated', 'unauthenticated', 'unauthenticated', 'resource_exhausted']);
    const { ask: other } = setUp();
    for (let i = 0; i < 9; i++) {
      nowMs += 1_000;
      expect(await other('bo', 'b')).toBe('bo');
    }
  });

  it('refuses when too many passwords wait', async () => {
    let release: () => void = () => undefined;
    const hold = new Promise<void>((resolve) => (release = resolve));
    const account: Account = { name: 'slow', tenant: undefined, rights: new Set() };
    const { authenticator, ask } = setUp();
    authenticator.replace({
      isEmpty: false,
      user: () => ({ account, verify: () => hold.then(() => true) }),
      key: () => undefined,
      decoy: async () => false,
    });
    const waiting = Array.from({ length: 131 }, (_, i) => ask(`user ${i}`, 'x', `address ${i}`));
    expect(await ask('one', 'more', 'else')).toBe('unavailable 1000');
    release();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['slow']));
  });

  it('forgets everybody when users are replaced, also who is being verified', async () => {
    const { authenticator, ask, directory } = setUp();
    await ask('bo', 'b');
    const late = ask('anna', 'a');
    authenticator.replace(directory([user('anna', 'new'), user('bo', 'b')]));
    await late;
    expect(await ask('anna', 'a')).toBe('unauthenticated');
    expect([await ask('anna', 'new'), await ask('bo', 'b')]).toEqual(['anna', 'bo']);
  });

  it.each([
    ['Negotiate x', 'unauthenticated'],
    ['Basic =', 'unauthenticated'],
    [`Basic ${Buffer.from('no colon').toString('base64')}`, 'unauthenticated'],
    [basic('a'.repeat(2_000), 'x'), 'unauthenticated'],
  ])('refuses %s, and does not repeat it', (authorization, code) => {
    const { authenticator, failures } = setUp();
    let error: AppError | undefined;
    try {
      void authenticator.authenticate({ authorization }, 'x');
    } catch (reason) {
      error = AppError.from(reason);
    }
    expect(error?.code).toBe(code);
    expect(error?.message).not.toContain(authorization);
    expect(failures('malformed')).toBe(1);
  });
});

describe('createDirectory', () => {
  const HASH = '$2y$04$.f2.ngslvY96IECInr4FuO2.dYchDMgKgk4zThdxSErZGWxnaf3Fy';
  const create = (users: readonly GatewayUser[], htpasswd: string | undefined) =>
    createDirectory({ config: { users, apiKeys: [], htpasswdRights: ['write'] }, usersFile: undefined, htpasswd });

  it('takes names of the htpasswd file with the rights for them, or those of their entry', async () => {
    const directory = create([user('bo', '', { tenant: '*', rights: ['admin'] })], `# comment\r\nanna:${HASH}\r\n\nbo:${HASH}\n`);
    expect(directory.user('anna')?.account).toEqual({ name: 'anna', tenant: 'anna', rights: new Set(['write']) });
    expect(directory.user('bo')?.account).toEqual({ name: 'bo', tenant: undefined, rights: new Set(['admin']) });
    expect(await directory.user('bo')?.verify('open sesame')).toBe(true);
  });

  it.each([
    [[user('a', '')], 'x:y', 'user "a" has no password, nor a line in the htpasswd file'],
    [[], 'no colon', 'htpasswd file: line 1 is not name:hash'],
    [[], 'a:$apr1$x$y', 'password hash of user "a": apr1 is MD5 and too weak, want bcrypt (htpasswd -B) or argon2'],
    [[], `a/b:${HASH}`, 'user "a/b" of the htpasswd file needs a tenant'],
    [[user('a', 'x'), user('a', 'y')], undefined, 'user "a" is both'],
  ])('refuses %#', (users, htpasswd, message) => {
    expect(() => create(users, htpasswd)).toThrow(message);
  });
});
