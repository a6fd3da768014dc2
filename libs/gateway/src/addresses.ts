import { promises as dns } from 'node:dns';
import net from 'node:net';
import type { Clock, Counter, Family, Gauge, Logger, MetricsRegistry } from '@vivace/base';
import { AppError } from '@vivace/base';
import type { HostPort } from '@vivace/config';

export interface Address {
  /** `ip:port`, as in URLs. */
  readonly key: string;
  /** With the scheme. */
  readonly origin: string;
  /** The name that was resolved, which certificates are for; undefined when it was an IP address. */
  readonly name: string | undefined;
}

/** As the system resolves names, so that search domains of Kubernetes count. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export const systemLookup: Lookup = async (host) => (await dns.lookup(host, { all: true })).map(({ address }) => address);

export interface AddressesOptions {
  /** Of the upstream, for messages and metrics. */
  readonly name: string;
  readonly targets: readonly HostPort[];
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

interface Health {
  failures: number;
  /** Rather not asked before; 0 is healthy. */
  downUntilMs: number;
}

const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 10_000;
/** Least time between resolutions that failures ask for. */
const REFRESH_GAP_MS = 1_000;

/**
 * The addresses of an upstream in turn, the healthy ones first. One that fails to connect is left out for a while; when all do, they are asked all the same,
 * since that is how one finds out that they are back.
 */
export class Addresses {
  readonly #options: AddressesOptions;
  readonly #errors: Family<'upstream' | 'reason', Counter>;
  readonly #count: Gauge;
  readonly #healthy: Gauge;
  readonly #health = new Map<string, Health>();
  /** By host and port: what was found last. */
  readonly #resolved = new Map<string, readonly Address[]>();
  readonly #unresolved = new Set<string>();
  #list: readonly Address[] = [];
  #next = 0;
  #refreshing: Promise<void> | undefined;
  #refreshedMs = -Infinity;
  /** Told of addresses that are no longer among those of the upstream. */
  onRemoved: (address: Address) => void = () => undefined;

  constructor(options: AddressesOptions) {
    const { name, metrics } = options;
    this.#options = options;
    this.#errors = metrics.counter('vivace_gateway_upstream_errors_total', 'Requests an upstream did not answer.', ['upstream', 'reason']);
    const gauge = metrics.gauge('vivace_gateway_upstream_addresses', 'Addresses of an upstream.', ['upstream', 'state']);
    this.#count = gauge.with({ upstream: name, state: 'known' });
    this.#healthy = gauge.with({ upstream: name, state: 'healthy' });
    metrics.onCollect(() => this.#healthy.set(this.#list.filter(({ key }) => this.#isUp(key)).length));
  }

  get all(): readonly Address[] {
    return this.#list;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Resolves the names again. Never rejects: what cannot be resolved keeps the addresses it had. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#resolve().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  /** The next address that is not among `tried`; undefined when there is none left. */
  pick(tried: ReadonlySet<string>): Address | undefined {
    const list = this.#list;
    let fallback: Address | undefined;
    for (let i = 0; i < list.length; i++) {
      const address = list[(this.#next + i) % list.length];
      if (tried.has(address.key)) continue;
      if (this.#isUp(address.key)) {
        this.#next = (this.#next + i + 1) % list.length;
        return address;
      }
      fallback ??= address;
    }
    this.#next = (this.#next + 1) % Math.max(list.length, 1);
    return fallback;
  }

  /** Counts a request without an answer. `down` is an address there was no connection to: it is asked last for a while. */
  failed(reason: 'connect' | 'reset' | 'timeout' | 'busy', down?: Address): void {
    const { name, clock } = this.#options;
    this.#errors.with({ upstream: name, reason }).inc();
    if (!down) return;
    const now = clock.now();
    const failures = (this.#health.get(down.key)?.failures ?? 0) + 1;
    this.#health.set(down.key, { failures, downUntilMs: now + Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), MAX_BACKOFF_MS) });
    if (now - this.#refreshedMs >= REFRESH_GAP_MS) void this.refresh();
  }

  succeeded(address: Address): void {
    if (this.#health.size > 0) this.#health.delete(address.key);
  }

  /** What to say when there is nobody to ask. */
  unknown(): AppError {
    const { name, targets } = this.#options;
    return new AppError('unavailable', `upstream ${name}: no address is known for ${targets.map(({ host }) => host).join(', ') || 'it'} (gateway.upstreams)`);
  }

  #isUp(key: string): boolean {
    const health = this.#health.get(key);
    return health === undefined || health.downUntilMs <= this.#options.clock.now();
  }

  async #resolve(): Promise<void> {
    const { name, targets, lookup, clock, logger } = this.#options;
    this.#refreshedMs = clock.now();
    const before = this.#list;
    const lists = await Promise.all(
      targets.map(async ({ host, port, tls }) => {
        if (net.isIP(host) !== 0) return [toAddress(host, port, tls)];
        try {
          const found = (await lookup(host)).map((ip) => toAddress(ip, port, tls, host));
          if (this.#unresolved.delete(host)) logger.info('an upstream can be resolved', { upstream: name, host });
          return found;
        } catch (reason) {
          // Once: a component that is not deployed has no name.
          if (!this.#unresolved.has(host)) logger.warn('an upstream cannot be resolved', { upstream: name, host, err: reason });
          this.#unresolved.add(host);
          return this.#resolved.get(`${host}:${port}`) ?? [];
        }
      }),
    );
    for (const [i, { host, port }] of targets.entries()) this.#resolved.set(`${host}:${port}`, lists[i]);
    this.#list = [...new Map(lists.flat().map((address) => [address.key, address])).values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    this.#count.set(this.#list.length);
    const now = new Set(this.#list.map(({ key }) => key));
    for (const address of before) {
      if (now.has(address.key)) continue;
      this.#health.delete(address.key);
      this.onRemoved(address);
    }
  }
}

function toAddress(ip: string, port: number, tls: boolean, name?: string): Address {
  const key = net.isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`;
  return { key, origin: `${tls ? 'https' : 'http'}://${key}`, name };
}
