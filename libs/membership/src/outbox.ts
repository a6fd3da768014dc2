import { BroadcastQueue } from './broadcast-queue.ts';

const MAX_BROADCASTS = 8_192;
const MAX_BROADCAST_BYTES = 16 * 1_048_576;
/**
 * What nobody repeats is sent more often: each of n nodes that sends a message m times leaves a node out with the probability e^-m, and 4 × log10 n, as HashiCorp's
 * memberlist has it, leaves out one of fifty in a small cluster.
 */
const ONCE_RETRANSMIT_FACTOR = 4;
const ONCE_RETRANSMITS_MORE = 4;

export interface OutboxOptions {
  /** `memberlist.retransmit_factor` */
  readonly retransmitFactor: number;
  /** Nodes that live. */
  readonly clusterSize: () => number;
}

/** What is on its way to everybody, encoded messages by subject. News that nobody says again goes before what is repeated anyway, and more often. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #once = new BroadcastQueue(MAX_BROADCASTS, MAX_BROADCAST_BYTES);
  readonly #repeated = new BroadcastQueue(MAX_BROADCASTS, MAX_BROADCAST_BYTES);

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#once.length + this.#repeated.length;
  }

  get bytes(): number {
    return this.#once.bytes + this.#repeated.bytes;
  }

  /** For want of room, since the start. */
  get dropped(): number {
    return this.#once.dropped + this.#repeated.dropped;
  }

  /** Owns `bytes` from now on. */
  add(subject: string, bytes: Uint8Array, { once }: { readonly once: boolean }): void {
    (once ? this.#once : this.#repeated).add(subject, bytes);
  }

  has(subject: string): boolean {
    return this.#once.has(subject) || this.#repeated.has(subject);
  }

  /** As many messages as fit, none of `seen`, which they are added to. */
  take(maxBytes: number, seen: Set<Uint8Array> = new Set()): Uint8Array[] {
    const { retransmitFactor, clusterSize } = this.#options;
    const scale = Math.max(1, Math.ceil(Math.log10(clusterSize() + 1)));
    const once = this.#once.take(maxBytes, Math.max(ONCE_RETRANSMIT_FACTOR, retransmitFactor) * scale + ONCE_RETRANSMITS_MORE, seen);
    const left = maxBytes - once.reduce((sum, { length }) => sum + length, 0);
    return [...once, ...this.#repeated.take(left, retransmitFactor * scale, seen)];
  }

  clear(): void {
    while (this.length > 0) this.take(Number.POSITIVE_INFINITY);
  }
}
