import { AppError } from '@vivace/base';
import type { FakeTime } from '@vivace/testkit';
import type { Address } from './message.ts';
import type { RandomUint32 } from './random.ts';
import type { ExchangeOptions, Transport, TransportHandlers, TransportStats } from './transport.ts';

const NO_STATS: TransportStats = {
  packetsSent: 0,
  packetBytesSent: 0,
  packetErrors: 0,
  packetsReceived: 0,
  packetBytesReceived: 0,
  streamsIn: 0,
  streamsRefused: 0,
  streamsOut: 0,
  streamErrors: 0,
  streamBytesSent: 0,
  streamBytesReceived: 0,
};

/** A network inside of a test: packets get lost and take their time, hosts can be cut off from each other. */
export class VirtualNetwork {
  readonly #time: FakeTime;
  readonly #random: RandomUint32;
  readonly #nodes = new Map<string, TransportHandlers>();
  /** Part of packets that vanish. */
  loss = 0;
  /** Whether anything gets from one host to another. */
  connected: (from: string, to: string) => boolean = () => true;
  minDelayMs = 1;
  maxDelayMs = 20;
  packets = 0;
  largestPacket = 0;

  constructor(time: FakeTime, random: RandomUint32) {
    this.#time = time;
    this.#random = random;
  }

  transport(address: Address): Transport {
    const key = keyOf(address);
    return {
      stats: NO_STATS,
      start: async (handlers) => {
        this.#nodes.set(key, handlers);
        return address.port;
      },
      send: (to, bytes) => this.#send(address, to, Uint8Array.from(bytes)),
      exchange: (to, bytes, options) => this.#exchange(address, to, Uint8Array.from(bytes), options),
      stop: async () => void this.#nodes.delete(key),
    };
  }

  /** Gone without a word. */
  kill(address: Address): void {
    this.#nodes.delete(keyOf(address));
  }

  #send(from: Address, to: Address, bytes: Uint8Array): void {
    this.packets++;
    this.largestPacket = Math.max(this.largestPacket, bytes.length);
    if (!this.#nodes.has(keyOf(from)) || !this.connected(from.host, to.host) || this.#random() / 2 ** 32 < this.loss) return;
    this.#time.after(this.#delayMs(), () => this.#nodes.get(keyOf(to))?.onPacket(from, bytes));
  }

  async #exchange(from: Address, to: Address, bytes: Uint8Array, { timeoutMs }: ExchangeOptions): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const fail = (): void => reject(new AppError('deadline_exceeded', 'virtual network: no answer'));
    const reachable = (): boolean => this.#nodes.has(keyOf(from)) && this.connected(from.host, to.host) && this.connected(to.host, from.host);
    this.#time.after(this.#delayMs(), () => {
      const handlers = reachable() ? this.#nodes.get(keyOf(to)) : undefined;
      const answer = handlers?.mayAccept(bytes) ? handlers.onRequest(bytes) : undefined;
      if (answer === undefined) void this.#time.after(timeoutMs, fail);
      else void this.#time.after(this.#delayMs(), () => (reachable() ? resolve(answer) : fail()));
    });
    return promise;
  }

  #delayMs(): number {
    return this.minDelayMs + (this.#random() % (this.maxDelayMs - this.minDelayMs + 1));
  }
}

function keyOf({ host, port }: Address): string {
  return `${host}:${port}`;
}
