import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import type { Network, Place } from './network.ts';

/** Of places, by number; and of the proxies in front of them. Linux has all of 127.0.0.0/8 on loopback. */
const ADDRESSES = '127.77.0';
const PROXIES = '127.77.1';
const PRELOAD = path.join(import.meta.dirname, 'own-address.ts');

interface Link {
  /** Addresses of places. */
  readonly from: string;
  readonly to: string;
}

/**
 * Every place has an address of its own on loopback, and others reach it by a proxy. Who comes is known by its address, which Node is made to use (`own-address.ts`). What is cut is held: connections open and
 * say nothing, packets are lost.
 */
export class ProxiedNetwork implements Network {
  readonly #places: Place[] = [];
  readonly #servers: net.Server[] = [];
  readonly #datagrams: dgram.Socket[] = [];
  /** Open connections, as what to call when something was cut or has healed. */
  readonly #connections = new Set<() => void>();
  #cuts: Link[] = [];

  static async create(): Promise<ProxiedNetwork> {
    const network = new ProxiedNetwork();
    try {
      const probe = net.createServer().listen(0, `${PROXIES}.1`);
      await once(probe, 'listening');
      probe.close();
    } catch (cause) {
      throw new Error('a network needs namespaces, or all of 127.0.0.0/8 on loopback as Linux has it', { cause });
    }
    return network;
  }

  async add(name: string, ports: readonly number[]): Promise<Place> {
    const number = this.#places.length + 1;
    const own = `${ADDRESSES}.${number}`;
    const place: Place = {
      name,
      address: `${PROXIES}.${number}`,
      listensOn: own,
      wrapper: ['env', `NODE_OPTIONS=--import=${PRELOAD}`, `VIVACE_E2E_ADDRESS=${own}`],
    };
    this.#places.push(place);
    for (const port of ports) {
      await this.#carryConnections(place, port);
      await this.#carryPackets(place, port);
    }
    return place;
  }

  door(place: Place, port: number): Promise<string> {
    return Promise.resolve(`${place.listensOn}:${port}`);
  }

  cut(from: readonly Place[], to: readonly Place[]): Promise<void> {
    for (const one of from) for (const other of to) if (one !== other) this.#cuts.push({ from: one.listensOn, to: other.listensOn });
    return this.#changed();
  }

  async isolate(places: readonly Place[]): Promise<void> {
    const others = this.#places.filter((place) => !places.includes(place));
    await this.cut(places, others);
    await this.cut(others, places);
  }

  heal(): Promise<void> {
    this.#cuts = [];
    return this.#changed();
  }

  async destroy(): Promise<void> {
    for (const socket of this.#datagrams) socket.close();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #changed(): Promise<void> {
    for (const change of this.#connections) change();
    return Promise.resolve();
  }

  #isCut(from: string, to: string): boolean {
    return this.#cuts.some((link) => link.from === from && link.to === to);
  }

  async #carryConnections({ address, listensOn }: Place, port: number): Promise<void> {
    const server = net.createServer({ pauseOnConnect: true }, (outer) => {
      const from = outer.remoteAddress ?? '';
      const inner = net.connect({ host: listensOn, port });
      for (const [one, other] of [
        [outer, inner],
        [inner, outer],
      ] as const) {
        one.on('error', () => other.destroy()).on('close', () => other.destroy());
      }
      const ways = [
        { one: outer, other: inner, isCut: () => this.#isCut(from, listensOn), isOpen: false },
        { one: inner, other: outer, isCut: () => this.#isCut(listensOn, from), isOpen: false },
      ];
      const change = (): void => {
        for (const way of ways) {
          const { one, other, isCut } = way;
          // Piped twice, everything would arrive twice.
          if (isCut() !== way.isOpen) continue;
          way.isOpen = !way.isOpen;
          if (way.isOpen) one.pipe(other);
          else one.unpipe(other).pause();
        }
      };
      change();
      this.#connections.add(change);
      outer.once('close', () => this.#connections.delete(change));
    });
    server.listen(port, address);
    await once(server, 'listening');
    this.#servers.push(server);
  }

  /** Answers go back the way that questions came. */
  async #carryPackets({ address, listensOn }: Place, port: number): Promise<void> {
    const ways = new Map<string, dgram.Socket>();
    const outer = dgram.createSocket('udp4');
    outer.on('message', (packet, from) => {
      if (this.#isCut(from.address, listensOn)) return;
      const key = `${from.address}:${from.port}`;
      let way = ways.get(key);
      if (!way) {
        way = dgram.createSocket('udp4');
        way.on('message', (answer) => {
          if (!this.#isCut(listensOn, from.address)) outer.send(answer, from.port, from.address);
        });
        // Nobody listens, as when a process was killed.
        way.on('error', () => undefined);
        ways.set(key, way);
        this.#datagrams.push(way);
      }
      way.send(packet, port, listensOn);
    });
    outer.on('error', () => undefined).bind(port, address);
    await once(outer, 'listening');
    this.#datagrams.push(outer);
  }
}
