import type { Address } from './message.ts';

export interface TransportHandlers {
  /** Borrows `bytes`. */
  readonly onPacket: (from: Address, bytes: Uint8Array) => void;
  /** Whether a frame that begins like this is worth reading. */
  readonly mayAccept: (start: Uint8Array) => boolean;
  /** The answer, or undefined to close the connection without one. Borrows `bytes`. */
  readonly onRequest: (bytes: Uint8Array) => Uint8Array | undefined;
}

/** Counted since the start; what the `tempo_memberlist_tcp_transport_…` metrics show. */
export interface TransportStats {
  readonly packetsSent: number;
  readonly packetBytesSent: number;
  readonly packetErrors: number;
  readonly packetsReceived: number;
  readonly packetBytesReceived: number;
  readonly streamsIn: number;
  readonly streamsRefused: number;
  readonly streamsOut: number;
  readonly streamErrors: number;
  readonly streamBytesSent: number;
  readonly streamBytesReceived: number;
}

export interface ExchangeOptions {
  readonly timeoutMs: number;
  /** Of the answer. */
  readonly maxBytes: number;
}

/** The network as gossip sees it: packets that may be lost, and streams that carry one question and one answer. */
export interface Transport {
  readonly stats: TransportStats;
  /** Resolves when packets and streams are taken, with the port, which is one for both. */
  start(handlers: TransportHandlers): Promise<number>;
  /** Never throws: what cannot be sent is lost, and counted. Borrows `bytes` until the next turn. */
  send(to: Address, bytes: Uint8Array): void;
  /** Rejects with AppError `unavailable` or `deadline_exceeded`. */
  exchange(to: Address, request: Uint8Array, options: ExchangeOptions): Promise<Uint8Array>;
  stop(): Promise<void>;
}
