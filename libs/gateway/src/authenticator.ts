import crypto from 'node:crypto';
import { AppError, ConcurrencyLimit } from '@vivace/base';
import type { Clock, Counter, Family, MetricsRegistry } from '@vivace/base';
import type { GatewayAuthConfig } from '@vivace/config';
import type { CredentialHeaders } from './credentials.ts';
import { parseCredentials } from './credentials.ts';
import type { Account, Directory } from './directory.ts';
import { ANYBODY } from './directory.ts';
import { FailureLimit } from './failure-limit.ts';

export interface AuthenticatorOptions {
  readonly config: Pick<GatewayAuthConfig, 'cacheTtlMs' | 'maxFailures' | 'failureWindowMs'>;
  readonly clock: Clock;
  readonly metrics: MetricsRegistry;
}

/** Credentials that were good. */
interface Known {
  readonly account: Account;
  readonly untilMs: number;
}

const MAX_KEYS = 10_000;
/** Hashes computed at a time, on the threads of libuv, and those that may wait for that. */
const MAX_RUNNING = 3;
const MAX_WAITING = 128;
const WRONG = 'wrong user name or password';

/** Tells who sends a request. Passwords that were verified are remembered for a while, as digests with a key that dies with the process. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #digestKey = crypto.randomBytes(32);
  readonly #limit: FailureLimit;
  readonly #hashing = new ConcurrencyLimit(MAX_RUNNING);
  readonly #failures: Family<'reason', Counter>;
  #directory: Directory;
  /** Also those that have expired: whoever knew the password a while ago is not locked out by others who guess. */
  #known = new Map<string, Known>();
  /** Hashes of keys that were sent and good: their senders do not wait for others at the same address either. */
  #goodKeys = new Set<string>();
  #running = new Map<string, Promise<Account>>();

  constructor(directory: Directory, options: AuthenticatorOptions) {
    const { config, clock, metrics } = options;
    this.#directory = directory;
    this.#options = options;
    this.#limit = new FailureLimit({ maxFailures: config.maxFailures, windowMs: config.failureWindowMs, maxKeys: MAX_KEYS, clock });
    this.#failures = metrics.counter('vivace_gateway_auth_failures_total', 'Requests without good credentials or without the right.', ['reason']);
  }

  get isOpen(): boolean {
    return this.#directory.isEmpty;
  }

  /** From now on the others are strangers, and no password counts as verified. */
  replace(directory: Directory): void {
    this.#directory = directory;
    this.#known = new Map();
    this.#goodKeys = new Set();
    this.#running = new Map();
  }

  /**
   * Throws, or rejects with, AppError: `unauthenticated`, `resource_exhausted` after too many failures, `unavailable` when too many hashes wait. Answers at once
   * unless a password has to be hashed. `address` is what failures are counted by.
   */
  authenticate(headers: CredentialHeaders, address: string): Account | Promise<Account> {
    if (this.#directory.isEmpty) return ANYBODY;
    let credentials;
    try {
      credentials = parseCredentials(headers);
    } catch (error) {
      this.#count('malformed');
      throw error;
    }
    if (credentials === undefined) {
      this.#count('missing');
      throw new AppError('unauthenticated', 'credentials are needed: basic authentication or an api key');
    }
    if (credentials.kind === 'key') return this.#byKey(credentials.key, address);
    const { user, password } = credentials;
    const digest = crypto.createHmac('sha256', this.#digestKey).update(`${user}:${password}`).digest('base64');
    const known = this.#known.get(digest);
    if (known && known.untilMs > this.#options.clock.now()) return known.account;
    return this.#running.get(digest) ?? this.#byPassword(user, password, digest, address, known !== undefined);
  }

  /** Of a request whose sender has not the right. */
  countForbidden(): void {
    this.#count('forbidden');
  }

  #byKey(key: string, address: string): Account {
    const sha256 = crypto.hash('sha256', key);
    if (!this.#goodKeys.has(sha256)) this.#checkLimit(`address ${address}`);
    const account = this.#directory.key(sha256);
    if (account) {
      this.#goodKeys.add(sha256);
      return account;
    }
    this.#limit.charge(`address ${address}`);
    this.#count('wrong');
    throw new AppError('unauthenticated', 'wrong api key');
  }

  #byPassword(name: string, password: string, digest: string, address: string, wasGood: boolean): Promise<Account> {
    const keys = [`address ${address}`, `user ${name}`];
    if (!wasGood) for (const key of keys) this.#checkLimit(key);
    if (this.#hashing.waiting >= MAX_WAITING) {
      this.#count('busy');
      throw new AppError('unavailable', 'too many passwords wait to be verified', { retryAfterMs: 1_000 });
    }
    const refunds = keys.map((key) => this.#limit.charge(key));
    const directory = this.#directory;
    const running = this.#running;
    const verified = this.#hashing
      .run(async () => {
        const user = directory.user(name);
        const good = await (user?.verify ?? directory.decoy)(password);
        if (user && good) return user.account;
        this.#count('wrong');
        throw new AppError('unauthenticated', WRONG);
      })
      .then((account) => {
        for (const refund of refunds) refund();
        if (directory === this.#directory) this.#remember(digest, account);
        return account;
      })
      .finally(() => running.delete(digest));
    running.set(digest, verified);
    return verified;
  }

  #remember(digest: string, account: Account): void {
    this.#known.delete(digest);
    this.#known.set(digest, { account, untilMs: this.#options.clock.now() + this.#options.config.cacheTtlMs });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_KEYS) break;
      this.#known.delete(oldest);
    }
  }

  #checkLimit(key: string): void {
    const retryAfterMs = this.#limit.waitMs(key);
    if (retryAfterMs === 0) return;
    this.#count('limited');
    throw new AppError('resource_exhausted', `too many wrong credentials, limit ${this.#options.config.maxFailures} (gateway.auth.max_failures)`, {
      retryAfterMs,
    });
  }

  #count(reason: 'missing' | 'malformed' | 'wrong' | 'limited' | 'busy' | 'forbidden'): void {
    this.#failures.with({ reason }).inc();
  }
}
