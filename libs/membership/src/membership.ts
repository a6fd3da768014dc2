import { AppError } from '@vivace/base';
import type { Clock, Logger, Timers } from '@vivace/base';
import type { Envelope } from './envelope.ts';
import { FailureDetector } from './failure-detector.ts';
import type { Address, ClusterState, Message } from './message.ts';
import { decodeMessages, decodeRequest, decodeState, encodeMessage, encodeRequest, encodeState, MAX_STATE_BYTES } from './message.ts';
import { Joiner } from './joiner.ts';
import type { Delta, MembershipOptions, Replicated } from './membership-options.ts';
import { Outbox } from './outbox.ts';
import type { RandomUint32 } from './random.ts';
import { shuffle } from './random.ts';
import type { Node } from './roster.ts';
import { Roster } from './roster.ts';
import type { Transport } from './transport.ts';

export interface MembershipDeps {
  readonly transport: Transport;
  readonly envelope: Envelope;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomUint32;
  readonly logger: Logger;
}

/** Counted since the start. */
export interface MembershipStats {
  packetsRefused: number;
  foreignCluster: number;
  valuesReceived: number;
  valueBytesReceived: number;
  valuesInvalid: number;
  valuesUnknown: number;
  pulls: number;
  pullBytes: number;
  pushes: number;
  pushBytes: number;
}

/** For one node in one gossip interval. */
const MAX_PACKETS_PER_GOSSIP = 16;
/** Above so many nodes, whole states are exchanged less often, as every exchange grows with them. Source: HashiCorp memberlist. */
const PUSH_PULL_NODES = 32;
/** Messages too large for packets, in one stream. */
const MAX_NEWS_BYTES = 1_048_576;

/**
 * One node of a gossiping cluster: who is in it (Roster, FailureDetector), and values that all nodes have a copy of. What is new goes out in packets, piggybacked
 * on probes and to a few nodes each gossip interval; whole states are exchanged over streams now and then, which mends whatever got lost.
 */
export class Membership {
  readonly roster: Roster;
  readonly stats: MembershipStats = emptyStats();
  readonly #options: MembershipOptions;
  readonly #deps: MembershipDeps;
  readonly #detector: FailureDetector;
  readonly #joiner: Joiner;
  readonly #outbox: Outbox;
  /** Subjects of the changes made here. */
  readonly #own = new Set<string>();
  readonly #values = new Map<string, Replicated>();
  readonly #timers = new Map<string, () => void>();
  #streams = 0;
  #seedsAnswered = 0;

  private constructor(options: MembershipOptions, deps: MembershipDeps, port: number) {
    this.#options = options;
    this.#deps = deps;
    const { clock, timers, logger, random } = deps;
    this.#outbox = new Outbox({ retransmitFactor: options.retransmitFactor, clusterSize: () => this.roster.size });
    this.roster = new Roster({
      self: { name: options.name, host: options.advertiseHost, port: options.advertisePort || port },
      probeIntervalMs: options.probeIntervalMs,
      gossipToDeadMs: options.gossipToDeadMs,
      reclaimMs: options.deadNodeReclaimMs,
      clock,
      timers,
      logger,
      tell: (message) => this.#outbox.add(message.name, encodeMessage(message), { once: true }),
    });
    this.#detector = new FailureDetector({
      ...options,
      roster: this.roster,
      timers,
      random,
      logger,
      send: (to, messages) => this.#sendPacket(to, messages),
      streamPing: (node) => this.#streamPing(node),
    });
    this.#joiner = new Joiner(options.join, { roster: this.roster, timers, logger, sync: (address) => this.#sync(address) });
  }

  /** Listens, and tries once to join. `values` are all there are: what comes for other keys is dropped. */
  static async start(options: MembershipOptions, deps: MembershipDeps, values: Readonly<Record<string, Replicated>>): Promise<Membership> {
    let started: Membership | undefined = undefined; // handlers may be called before it is there
    const port = await deps.transport.start({
      onPacket: (from, bytes) => started?.onPacket(from, bytes),
      onRequest: (bytes) => started?.onRequest(bytes),
      mayAccept: (start) => deps.envelope.mayOpen(start),
    });
    started = new Membership(options, deps, port);
    for (const [key, value] of Object.entries(values)) started.#values.set(key, value);
    started.#seedsAnswered = await started.#begin();
    return started;
  }

  /** Whether a node has died, as far as this one knows; false for one that left, or that nobody knows. */
  isDead(name: string): boolean {
    return this.roster.get(name)?.state === 'dead';
  }

  /** Seeds that answered at the start, this node among them. */
  get seedsAnswered(): number {
    return this.#seedsAnswered;
  }

  get healthScore(): number {
    return this.#detector.healthScore;
  }

  /** What waits to be sent. */
  get queued(): Pick<Outbox, 'length' | 'bytes' | 'dropped'> {
    return this.#outbox;
  }

  get keys(): readonly string[] {
    return [...this.#values.keys()];
  }

  value(key: string): Replicated | undefined {
    return this.#values.get(key);
  }

  /** Tells everybody of a change of the value `key` that was made here. */
  broadcast(key: string, delta: Delta): void {
    this.#own.add(subjectOf(key, delta));
    this.#passOn(key, delta);
  }

  /** Sends what is waiting, says good-bye, stops. Resolves within the two time-outs, whatever the network does. */
  async stop(): Promise<void> {
    this.#joiner.stop();
    await this.#drain(this.#options.flushTimeoutMs, () => ![...this.#own].some((subject) => this.#outbox.has(subject)));
    this.#detector.stop();
    this.roster.leave();
    await this.#drain(this.#options.leaveTimeoutMs, () => !this.#outbox.has(this.#options.name));
    this.roster.stop();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    await this.#deps.transport.stop();
  }

  onPacket(from: Address, bytes: Uint8Array): void {
    const payload = this.#open(bytes);
    if (payload === undefined) return;
    try {
      for (const message of decodeMessages(payload)) this.#onMessage(from, message);
    } catch {
      this.stats.packetsRefused++;
    }
  }

  onRequest(bytes: Uint8Array): Uint8Array | undefined {
    const payload = this.#open(bytes);
    if (payload === undefined) return undefined;
    try {
      return this.#deps.envelope.seal(this.#answer(payload));
    } catch {
      this.stats.packetsRefused++;
      return undefined;
    }
  }

  #begin(): Promise<number> {
    this.#detector.start();
    this.#every(
      'gossip',
      () => this.#options.gossipIntervalMs,
      () => this.#gossip(),
    );
    this.#every(
      'sync',
      () => this.#pushPullMs(),
      () => this.#pushPull(),
    );
    return this.#joiner.start();
  }

  #onMessage(from: Address, message: Message): void {
    switch (message.kind) {
      case 'ping':
        return this.#detector.onPing(from, message);
      case 'indirect-ping':
        return this.#detector.onIndirectPing(from, message);
      case 'ack':
        return this.#detector.onAck(message.seq);
      case 'nack':
        return this.#detector.onNack(message.seq);
      default:
        return this.#onNews(message);
    }
  }

  /** What needs no answer; the rest is ignored, as there is no address to answer to. */
  #onNews(message: Message): void {
    if (message.kind === 'alive') this.roster.alive(message);
    else if (message.kind === 'suspect') this.roster.suspect(message);
    else if (message.kind === 'dead') this.roster.dead(message);
    else if (message.kind === 'value') this.#mergeValue(message.key, message.bytes);
  }

  #passOn(key: string, delta: Delta): void {
    this.#outbox.add(subjectOf(key, delta), encodeMessage({ kind: 'value', key, bytes: delta.bytes }), delta);
  }

  #answer(payload: Uint8Array): Uint8Array {
    const request = decodeRequest(payload);
    if (request.kind === 'ping') return Uint8Array.of(request.target === this.roster.self.name ? 1 : 0);
    if (request.kind === 'news') {
      for (const message of decodeMessages(request.messages)) this.#onNews(message);
      return Uint8Array.of(1);
    }
    const answer = encodeState(this.#state());
    this.stats.pushes++;
    this.stats.pushBytes += answer.length;
    this.#mergeState(request, payload.length);
    return answer;
  }

  #mergeValue(key: string, bytes: Uint8Array): void {
    this.stats.valuesReceived++;
    this.stats.valueBytesReceived += bytes.length;
    const value = this.#values.get(key);
    if (value === undefined) {
      this.stats.valuesUnknown++;
      return;
    }
    try {
      for (const delta of value.merge(bytes)) this.#passOn(key, delta);
    } catch {
      this.stats.valuesInvalid++;
    }
  }

  /** One interval's packets: to a few nodes, the recently dead among them, in case they are not. */
  #gossip(): void {
    this.roster.sweep();
    if (this.#outbox.length === 0) return;
    const targets = this.roster.audience();
    for (const node of shuffle(targets, this.#deps.random).slice(0, this.#options.gossipNodes)) {
      const seen = new Set<Uint8Array>();
      for (let n = 0; n < MAX_PACKETS_PER_GOSSIP; n++) {
        const messages = this.#outbox.take(this.#packetRoom(), seen);
        if (messages.length === 0) break;
        this.#deps.transport.send(node, this.#deps.envelope.seal(Buffer.concat(messages)));
      }
      this.#streamLarge(node, seen);
    }
    // Nobody else there: there is nobody to tell.
    if (targets.length === 0) this.#outbox.clear();
  }

  /** What no packet has room for goes over a stream. */
  #streamLarge(node: Node, seen: Set<Uint8Array>): void {
    if (this.#streams >= this.#options.maxConcurrentStreams) return;
    const messages = this.#outbox.take(MAX_NEWS_BYTES, seen);
    if (messages.length > 0) void this.#ask(node, { kind: 'news', messages: Buffer.concat(messages) });
  }

  #packetRoom(): number {
    return this.#options.packetBytes - this.#deps.envelope.overhead;
  }

  #sendPacket(to: Address, messages: readonly Message[]): void {
    const parts = messages.map(encodeMessage);
    const room = this.#packetRoom() - parts.reduce((sum, { length }) => sum + length, 0);
    // Who asks from an unknown address gets its answer alone: news would be wasted on it, or used to flood whom it pretends to be.
    const news = this.roster.hasAddress(to) ? this.#outbox.take(room) : [];
    this.#deps.transport.send(to, this.#deps.envelope.seal(Buffer.concat([...parts, ...news])));
  }

  async #streamPing(node: Node): Promise<boolean> {
    const answer = await this.#ask(node, { kind: 'ping', target: node.name });
    return answer?.[0] === 1;
  }

  #pushPullMs(): number {
    const nodes = this.roster.size;
    const factor = nodes <= PUSH_PULL_NODES ? 1 : Math.ceil(Math.log2(nodes) - Math.log2(PUSH_PULL_NODES)) + 1;
    return this.#options.pushPullIntervalMs * factor;
  }

  /** With one node that is there, and with one that was: should it be back, two halves of a cluster have met. */
  #pushPull(): void {
    const { random } = this.#deps;
    const others = this.roster.others().filter(({ state }) => state === 'alive');
    const lost = this.roster.lost();
    for (const list of [others, lost] as const) if (list.length > 0) void this.#sync(list[random() % list.length]);
  }

  async #sync(address: Address): Promise<boolean> {
    const answer = await this.#ask(address, { kind: 'sync', ...this.#state() });
    if (answer === undefined) return false;
    try {
      this.#mergeState(decodeState(answer), answer.length);
      return true;
    } catch {
      this.stats.packetsRefused++;
      return false;
    }
  }

  #state(): ClusterState {
    return { nodes: this.roster.all(), values: [...this.#values].map(([key, value]) => ({ key, bytes: value.encode() })) };
  }

  #mergeState({ nodes, values }: ClusterState, size: number): void {
    this.stats.pulls++;
    this.stats.pullBytes += size;
    for (const node of nodes) {
      const { name, incarnation, state } = node;
      if (state === 'left') this.roster.dead({ name, incarnation, from: name });
      else {
        if (state !== 'dead') this.roster.alive(node);
        // What others take for dead gets the chance to refute that.
        if (state !== 'alive') this.roster.suspect({ name, incarnation, from: this.roster.self.name });
      }
    }
    for (const { key, bytes } of values) this.#mergeValue(key, bytes);
  }

  /** Undefined when there was no answer. */
  async #ask(to: Address, request: Parameters<typeof encodeRequest>[0]): Promise<Uint8Array | undefined> {
    const { transport, envelope, logger } = this.#deps;
    this.#streams++;
    try {
      const sealed = envelope.seal(encodeRequest(request));
      if (request.kind === 'sync') {
        this.stats.pushes++;
        this.stats.pushBytes += sealed.length;
      }
      return envelope.open(await transport.exchange(to, sealed, { timeoutMs: this.#options.streamTimeoutMs, maxBytes: MAX_STATE_BYTES }));
    } catch (reason) {
      logger.debug('gossip stream failed', { kind: request.kind, host: to.host, port: to.port, err: reason });
      return undefined;
    } finally {
      this.#streams--;
    }
  }

  #open(bytes: Uint8Array): Uint8Array | undefined {
    try {
      return this.#deps.envelope.open(bytes);
    } catch (reason) {
      if (AppError.from(reason).code === 'permission_denied') this.stats.foreignCluster++;
      else this.stats.packetsRefused++;
      return undefined;
    }
  }

  #every(name: string, delayMs: () => number, run: () => void): void {
    const again = (): void => {
      this.#timers.set(
        name,
        this.#deps.timers.after(delayMs(), () => {
          run();
          again();
        }),
      );
    };
    again();
  }

  /** Resolves when `done` says so, looking after every gossip interval, or after `timeoutMs`. */
  async #drain(timeoutMs: number, done: () => boolean): Promise<void> {
    const { timers, clock } = this.#deps;
    const endMs = clock.now() + timeoutMs;
    // Not the next interval's worth only: whoever stops has no time to wait for it.
    const stepMs = Math.max(1, Math.floor(this.#options.gossipIntervalMs / 10));
    while (!done() && this.roster.size > 1 && clock.now() < endMs) {
      this.#gossip();
      await new Promise<void>((resolve) => void timers.after(stepMs, resolve));
    }
  }
}

function subjectOf(key: string, { name }: Delta): string {
  return `${key}\0${name}`;
}

function emptyStats(): MembershipStats {
  return {
    packetsRefused: 0,
    foreignCluster: 0,
    valuesReceived: 0,
    valueBytesReceived: 0,
    valuesInvalid: 0,
    valuesUnknown: 0,
    pulls: 0,
    pullBytes: 0,
    pushes: 0,
    pushBytes: 0,
  };
}
