import { AppError } from '@vivace/base';
import type { GatewayConnections } from '@vivace/config';
import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import type { Address, Addresses } from './addresses.ts';
import type { UpstreamTls } from './upstream-tls.ts';
import { tlsTo } from './upstream-tls.ts';

export interface HttpUpstreamOptions {
  readonly addresses: Addresses;
  readonly config: GatewayConnections;
  /** As it is now. */
  readonly tls: () => UpstreamTls;
}

/** As large as the query API takes, plus what we add. */
const MAX_HEADER_BYTES = (1 << 20) + 16_384;

/** Connections to the addresses of an upstream that speaks HTTP/1.1, kept for later requests. */
export class HttpUpstream {
  readonly addresses: Addresses;
  readonly #config: GatewayConnections;
  readonly #tls: () => UpstreamTls;
  readonly #pools = new Map<string, Pool>();
  readonly #open = new Map<string, number>();

  constructor({ addresses, config, tls }: HttpUpstreamOptions) {
    this.addresses = addresses;
    this.#config = config;
    this.#tls = tls;
    addresses.onRemoved = ({ key }) => this.#forget(key);
  }

  /** Sends a request; the handler hears of everything, also of failure. Throws AppError `unavailable` when too many wait. */
  dispatch(address: Address, request: Omit<Dispatcher.DispatchOptions, 'origin'>, handler: Dispatcher.DispatchHandler): void {
    const open = this.#open.get(address.key) ?? 0;
    const { maxPerAddress, maxWaiting } = this.#config;
    if (open >= maxPerAddress + maxWaiting) {
      this.addresses.failed('busy');
      throw new AppError('unavailable', `upstream ${this.addresses.name}: ${open} requests are open at ${address.key} (gateway.connections.max_waiting)`, {
        retryAfterMs: 1_000,
      });
    }
    this.#open.set(address.key, open + 1);
    this.pool(address).dispatch(request, handler);
  }

  /** To be called once for each dispatch, when the handler has heard of its end: one whose client has gone still waits for a connection. */
  done(address: Address): void {
    const open = this.#open.get(address.key)! - 1; // one for each dispatch
    if (open > 0) this.#open.set(address.key, open);
    else this.#open.delete(address.key);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }

  /** The connections to an address. */
  pool(address: Address): Pool {
    let pool = this.#pools.get(address.key);
    if (!pool) {
      const { maxPerAddress, connectTimeoutMs, idleTimeoutMs } = this.#config;
      pool = new Pool(address.origin, {
        connections: maxPerAddress,
        pipelining: 1,
        keepAliveTimeout: idleTimeoutMs,
        keepAliveMaxTimeout: idleTimeoutMs,
        // Requests have deadlines of their own.
        headersTimeout: 0,
        bodyTimeout: 0,
        maxHeaderSize: MAX_HEADER_BYTES,
        connect: { ...tlsTo(address, this.#tls()), timeout: connectTimeoutMs },
      });
      this.#pools.set(address.key, pool);
    }
    return pool;
  }

  /** New connections are made with the settings of now. */
  renew(): void {
    for (const key of [...this.#pools.keys()]) this.#forget(key);
  }

  /** Open requests may end. */
  #forget(key: string): void {
    void this.#pools.get(key)?.close();
    this.#pools.delete(key);
  }
}
