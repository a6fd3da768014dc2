import { AppError, silentLogger } from '@vivace/base';
import type { Logger } from '@vivace/base';
import { FakeTime } from '@vivace/testkit';
import { Envelope } from './envelope.ts';
import { Membership } from './membership.ts';
import type { Delta, JoinOptions, MembershipOptions, Replicated } from './membership-options.ts';
import type { Address } from './message.ts';
import type { RandomUint32 } from './random.ts';
import { VirtualNetwork } from './virtual-network.fixture.ts';

/** Mulberry32: the same numbers for the same seed. */
export function seeded(seed: number): RandomUint32 {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** A map of numbers in which the greater one wins: the simplest value that merges. */
export class MaxMap implements Replicated {
  readonly entries = new Map<string, number>();
  #padding = '';

  encode(): Uint8Array {
    return this.#encode([...this.entries]);
  }

  merge(bytes: Uint8Array): Delta[] {
    const list = JSON.parse(Buffer.from(bytes).toString().trim()) as [string, number][];
    const fresh = list.filter(([name, value]) => value > (this.entries.get(name) ?? -1));
    return fresh.map(([name, value]) => this.set(name, value));
  }

  set(name: string, value: number): Delta {
    this.entries.set(name, value);
    return { name, bytes: this.#encode([[name, value]]), once: true };
  }

  /** Makes every part longer than a packet. */
  pad(bytes: number): void {
    this.#padding = ' '.repeat(bytes);
  }

  #encode(list: [string, number][]): Uint8Array {
    return Buffer.from(JSON.stringify(list) + this.#padding);
  }
}

export const GOSSIP: Omit<MembershipOptions, 'name' | 'advertiseHost' | 'advertisePort' | 'join'> = {
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  indirectProbes: 3,
  gossipIntervalMs: 1_000,
  gossipNodes: 2,
  gossipToDeadMs: 30_000,
  deadNodeReclaimMs: 0,
  retransmitFactor: 2,
  pushPullIntervalMs: 30_000,
  streamTimeoutMs: 2_000,
  packetBytes: 1_400,
  maxConcurrentStreams: 8,
  leaveTimeoutMs: 20_000,
  flushTimeoutMs: 10_000,
};

export function joinOptions(seeds: readonly Address[]): JoinOptions {
  return { seeds: async () => seeds, minBackoffMs: 1_000, maxBackoffMs: 60_000, maxRetries: 10, onFailed: () => undefined, rejoinIntervalMs: 0 };
}

export interface TestNode {
  readonly address: Address;
  readonly membership: Membership;
  readonly value: MaxMap;
}

export interface NodeSetup extends Partial<MembershipOptions> {
  readonly label?: string;
  readonly keys?: readonly Uint8Array[];
  readonly logger?: Logger;
  readonly host?: string;
  /** Besides `value`. */
  readonly values?: Readonly<Record<string, Replicated>>;
}

/** Nodes n0, n1 … on one virtual network, in time that passes when told to. */
export class TestCluster {
  readonly time = new FakeTime();
  readonly network: VirtualNetwork;
  readonly nodes: TestNode[] = [];
  readonly #random: RandomUint32;

  constructor(seed = 1) {
    this.#random = seeded(seed);
    this.network = new VirtualNetwork(this.time, this.#random);
  }

  async add(setup: NodeSetup = {}): Promise<TestNode> {
    const {
      label = 'test',
      keys = [],
      logger = silentLogger,
      values = {},
      host = `10.0.${this.nodes.length >> 8}.${this.nodes.length & 255}`,
      ...options
    } = setup;
    const address = { host, port: 7946 };
    const seeds = this.nodes.slice(0, 1).map((node) => node.address);
    const value = new MaxMap();
    let membership: Membership | undefined;
    void Membership.start(
      { ...GOSSIP, name: `n${this.nodes.length}`, advertiseHost: host, advertisePort: 0, join: joinOptions(seeds), ...options },
      {
        transport: this.network.transport(address),
        envelope: new Envelope({ label, verifyLabel: true, keys }),
        clock: this.time,
        timers: this.time,
        random: seeded(this.#random()),
        logger,
      },
      { value, ...values },
    ).then((started) => (membership = started));
    for (let waited = 0; membership === undefined; waited++) {
      if (waited > 100) throw new AppError('deadline_exceeded', 'node did not start');
      await this.time.advance(100);
    }
    const node = { address, membership, value };
    this.nodes.push(node);
    return node;
  }

  async grow(count: number, setup: NodeSetup = {}): Promise<void> {
    while (this.nodes.length < count) await this.add(setup);
  }

  /** Seconds until `done`, tried every 100 ms; throws after `limitSeconds`. */
  async until(limitSeconds: number, done: () => boolean): Promise<number> {
    for (let tenths = 0; tenths <= limitSeconds * 10; tenths++) {
      if (done()) return tenths / 10;
      await this.time.advance(100);
    }
    throw new AppError('deadline_exceeded', `not so after ${limitSeconds} s: ${this.nodes.map(({ membership }) => membership.roster.size).join(' ')}`);
  }

  everyone(test: (node: TestNode) => boolean, nodes: readonly TestNode[] = this.nodes): boolean {
    return nodes.every(test);
  }
}
