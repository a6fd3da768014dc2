import http2 from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2';
import { AppError } from '@vivace/base';
import type { Timers } from '@vivace/base';
import type { GatewayConnections } from '@vivace/config';
import type { Address, Addresses } from './addresses.ts';
import type { UpstreamTls } from './upstream-tls.ts';
import { tlsTo } from './upstream-tls.ts';

export interface GrpcUpstreamOptions {
  readonly addresses: Addresses;
  readonly config: GatewayConnections;
  readonly timers: Timers;
  /** As it is now. */
  readonly tls: () => UpstreamTls;
}

interface Slot {
  readonly session: ClientHttp2Session;
  readonly ready: Promise<void>;
  streams: number;
}

/** What servers usually allow on a connection. */
const STREAMS_PER_CONNECTION = 100;
/** Of a stream, and of a connection: large messages should not wait for windows. */
const STREAM_WINDOW_BYTES = 1 << 18;
const CONNECTION_WINDOW_BYTES = 1 << 24;
/** What a connection may hold in memory, MB. */
const MAX_SESSION_MB = 128;
const PING_EVERY_MS = 20_000;
const PING_TIMEOUT_MS = 10_000;
const MAX_ATTEMPTS = 3;

/** HTTP/2 connections to the addresses of an upstream, kept for later calls. */
export class GrpcUpstream {
  readonly addresses: Addresses;
  readonly #options: GrpcUpstreamOptions;
  readonly #slots = new Map<string, Set<Slot>>();

  constructor(options: GrpcUpstreamOptions) {
    this.#options = options;
    this.addresses = options.addresses;
    this.addresses.onRemoved = ({ key }) => {
      for (const { session } of this.#slots.get(key) ?? []) session.close();
    };
  }

  /** Begins a call on a connection that stands. Rejects with AppError `unavailable`. */
  async open(headers: OutgoingHttpHeaders): Promise<ClientHttp2Stream> {
    const { addresses } = this;
    const tried = new Set<string>();
    for (;;) {
      const address = addresses.pick(tried);
      if (!address) throw addresses.unknown();
      tried.add(address.key);
      try {
        const slot = this.#slotOf(address);
        slot.streams++;
        await slot.ready.catch((reason: unknown) => {
          slot.streams--;
          throw reason;
        });
        const call = this.#begin(slot, headers);
        addresses.succeeded(address);
        return call;
      } catch (reason) {
        if (reason instanceof AppError) throw reason;
        addresses.failed('connect', address);
        if (tried.size >= Math.min(MAX_ATTEMPTS, addresses.all.length))
          throw new AppError('unavailable', `upstream ${addresses.name} cannot be reached (${(reason as NodeJS.ErrnoException).code ?? 'closed'})`, {
            cause: reason,
          });
      }
    }
  }

  #begin(slot: Slot, headers: OutgoingHttpHeaders): ClientHttp2Stream {
    try {
      const call = slot.session.request(headers, { endStream: false });
      call.once('close', () => slot.streams--);
      return call;
    } catch (reason) {
      slot.streams--;
      // Headers that cannot be sent are no fault of the connection.
      throw slot.session.closed || slot.session.destroyed ? reason : new AppError('invalid_argument', 'the metadata cannot be sent', { cause: reason });
    }
  }

  /** New calls are made on connections with the settings of now. */
  renew(): void {
    for (const slots of this.#slots.values()) for (const { session } of slots) session.close();
  }

  close(): void {
    for (const slots of this.#slots.values()) for (const { session } of slots) session.destroy();
  }

  /** One with room, or a new one. */
  #slotOf(address: Address): Slot {
    let slots = this.#slots.get(address.key);
    if (!slots) this.#slots.set(address.key, (slots = new Set()));
    for (const slot of slots) if (slot.streams < STREAMS_PER_CONNECTION && !slot.session.closed && !slot.session.destroyed) return slot;
    if (slots.size >= this.#options.config.maxPerAddress) {
      this.addresses.failed('busy');
      throw new AppError(
        'unavailable',
        `upstream ${this.addresses.name}: ${slots.size} connections to ${address.key} are full (gateway.connections.max_per_address)`,
      );
    }
    const slot = this.#connect(address);
    const known = slots;
    known.add(slot);
    slot.session.once('close', () => known.delete(slot));
    return slot;
  }

  #connect(address: Address): Slot {
    const { config, timers, tls } = this.#options;
    const session = http2.connect(address.origin, {
      ...tlsTo(address, tls()),
      settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
      maxSessionMemory: MAX_SESSION_MB,
    });
    const cancel = timers.after(config.connectTimeoutMs, () => session.destroy(new Error('timed out')));
    const ready = new Promise<void>((resolve, reject) => {
      session.once('connect', () => {
        cancel();
        session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
        resolve();
      });
      session.on('error', reject);
      session.once('close', () => {
        cancel();
        reject(new Error('the connection was closed'));
      });
    });
    ready.catch(() => undefined);
    const slot: Slot = { session, ready, streams: 0 };
    session.setTimeout(config.idleTimeoutMs, () => {
      if (slot.streams === 0) session.close();
    });
    this.#watch(slot);
    return slot;
  }

  /** Finds out about peers that vanished without a word, while calls wait for them. */
  #watch(slot: Slot): void {
    const { timers } = this.#options;
    const cancel = timers.after(PING_EVERY_MS, () => {
      if (slot.session.destroyed) return;
      this.#watch(slot);
      if (slot.streams === 0 || slot.session.connecting) return;
      const give = timers.after(PING_TIMEOUT_MS, () => slot.session.destroy(new Error('no answer to a ping')));
      slot.session.ping(() => give());
    });
    slot.session.once('close', cancel);
  }
}
