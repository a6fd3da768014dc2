import type { Clock, Logger, Timers } from '@vivace/base';
import type { Accusation, Address, Liveness, Message, NodeRecord, NodeState } from './message.ts';
import { MAX_NODES } from './message.ts';
import { Suspicion } from './suspicion.ts';

export interface RosterOptions {
  /** This node. */
  readonly self: Address & { readonly name: string };
  readonly probeIntervalMs: number;
  /** How long a node that died is told so, in case it did not; after that it counts as lost. */
  readonly gossipToDeadMs: number;
  /** After this time the name of a dead node may be taken by another address; 0 is when it counts as lost. */
  readonly reclaimMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Sends to everybody. */
  readonly tell: (message: Message & { readonly name: string }) => void;
}

export interface Node extends NodeState {
  /** When it came into its state, by the clock of this process. */
  readonly changedMs: number;
}

/** Source of these three: the values HashiCorp's memberlist settled on for one data centre. */
const SUSPICION_FACTOR = 4;
const SUSPICION_MAX_FACTOR = 6;
const SUSPICION_CONFIRMATIONS = 2;

/**
 * Incarnations begin at the seconds since 1970, so a restarted node is newer than it was. One further ahead than this is forged: it could never be refuted. What is said
 * of a node may be half as far ahead as what it says itself, which leaves room to refute.
 */
const MAX_AHEAD = 2 ** 26;
/** Nodes that died or left are remembered so long and so many at most: old news must not bring them back, and a partition may end. */
const REMEMBER_MS = 24 * 3_600_000;
const MAX_GONE = 256;
const MAX_CONFLICTS = 64;

/**
 * Who is in the cluster, by the rules of SWIM: of two claims about a node the one with the higher incarnation holds, at the same incarnation the worse one; and only
 * the node itself raises its incarnation, to refute what is said of it. Source: Das, Gupta, Motivala: SWIM (2002), §4.
 */
export class Roster {
  readonly #options: RosterOptions;
  readonly #nodes = new Map<string, Node>();
  /** Names by address, of those that live. */
  readonly #addresses = new Map<string, string>();
  readonly #suspicions = new Map<string, Suspicion>();
  /** Pairs of name and address that were told of. */
  readonly #conflicts = new Set<string>();
  #live = 0;
  #refutations = 0;
  #full = 0;

  constructor(options: RosterOptions) {
    this.#options = options;
    this.#set({ ...options.self, incarnation: this.#nowSeconds() }, 'alive');
  }

  get self(): Node {
    return this.#nodes.get(this.#options.self.name)!;
  }

  /** How often this node had to say that it lives. */
  get refutations(): number {
    return this.#refutations;
  }

  /** Nodes not taken in, because there are too many. */
  get refused(): number {
    return this.#full;
  }

  /** Whether a node that lives says it is there. */
  hasAddress(address: Address): boolean {
    return this.#addresses.has(at(address));
  }

  get(name: string): Node | undefined {
    return this.#nodes.get(name);
  }

  /** All, this one and the dead included. */
  all(): Node[] {
    return [...this.#nodes.values()];
  }

  /** The others that are alive, as far as known. */
  others(): Node[] {
    return this.all().filter((node) => node !== this.self && isLive(node));
  }

  /** Nodes alive, this one included. */
  get size(): number {
    return this.#live;
  }

  /** The dead who no longer get gossip: should one answer, two halves of a cluster have met. */
  lost(): Node[] {
    return this.all().filter((node) => node.state === 'dead' && !this.#isRecent(node));
  }

  /** To whom gossip goes. */
  audience(): Node[] {
    return this.all().filter((node) => node !== this.self && (isLive(node) || (node.state === 'dead' && this.#isRecent(node))));
  }

  alive(record: NodeRecord): void {
    if (record.name === this.self.name) return this.#aliveSelf(record);
    if (record.incarnation > this.#nowSeconds() + MAX_AHEAD) return;
    const known = this.#nodes.get(record.name);
    if (known && !isSameAddress(known, record) && !this.#mayMove(known)) {
      this.#conflict('two nodes have the same name', record);
      return;
    }
    if (known && record.incarnation <= known.incarnation) return;
    if (!known && this.#nodes.size >= MAX_NODES) {
      this.#full++;
      return;
    }
    this.#set(record, 'alive');
    if (!known || !isLive(known)) this.#options.logger.info('node joined', { node: record.name, address: at(record) });
    this.#options.tell({ kind: 'alive', ...record });
  }

  suspect({ name, incarnation, from }: Accusation): void {
    const known = this.#accused(name, incarnation);
    if (!known) return;
    if (known === this.self) return this.#refute(incarnation);
    if (known.state === 'suspect') {
      if (this.#suspicions.get(name)!.confirm(from, this.#options.clock.now())) this.#options.tell({ kind: 'suspect', name, incarnation, from });
      return;
    }
    this.#set({ ...known, incarnation }, 'suspect');
    this.#suspicions.set(name, this.#suspicion(name, incarnation, from));
    this.#options.logger.debug('node suspected', { node: name, by: from });
    this.#options.tell({ kind: 'suspect', name, incarnation, from });
  }

  dead({ name, incarnation, from }: Accusation): void {
    const known = this.#accused(name, incarnation);
    if (!known) return;
    if (known === this.self) return this.#refute(incarnation);
    this.#set({ ...known, incarnation }, from === name ? 'left' : 'dead');
    this.#options.logger.info(from === name ? 'node left' : 'node is dead', { node: name, by: from });
    this.#options.tell({ kind: 'dead', name, incarnation, from });
  }

  /** Says good-bye; from now on nothing is refuted. */
  leave(): void {
    const { name, incarnation } = this.self;
    this.#set(this.self, 'left');
    this.#options.tell({ kind: 'dead', name, incarnation, from: name });
  }

  /** Forgets those that have been gone for long. */
  sweep(): void {
    const gone = this.all().filter((node) => node !== this.self && !isLive(node));
    const nowMs = this.#options.clock.now();
    gone.sort((a, b) => b.changedMs - a.changedMs);
    for (const [i, node] of gone.entries()) if (i >= MAX_GONE || nowMs - node.changedMs > REMEMBER_MS) this.#nodes.delete(node.name);
  }

  stop(): void {
    for (const suspicion of this.#suspicions.values()) suspicion.cancel();
  }

  /** The node an accusation is about, when it says anything new. */
  #accused(name: string, incarnation: number): Node | undefined {
    const known = this.#nodes.get(name);
    if (!known || !isLive(known) || incarnation < known.incarnation || incarnation > this.#nowSeconds() + MAX_AHEAD / 2) return undefined;
    return known;
  }

  #aliveSelf(record: NodeRecord): void {
    const isMe = isSameAddress(record, this.self);
    if (!isMe) this.#conflict('another node has the name of this one', record);
    if (!isLive(this.self) || record.incarnation < this.self.incarnation || record.incarnation > this.#nowSeconds() + MAX_AHEAD / 2) return;
    if (isMe && record.incarnation === this.self.incarnation) return;
    this.#refute(record.incarnation);
  }

  #refute(incarnation: number): void {
    this.#refutations++;
    const record = { ...this.self, incarnation: incarnation + 1 };
    this.#set(record, 'alive');
    this.#options.tell({ kind: 'alive', ...this.self });
  }

  #suspicion(name: string, incarnation: number, from: string): Suspicion {
    const { clock, timers, probeIntervalMs } = this.#options;
    const minMs = SUSPICION_FACTOR * Math.max(1, Math.log10(this.size)) * probeIntervalMs;
    return new Suspicion({
      minMs,
      maxMs: SUSPICION_MAX_FACTOR * minMs,
      // Too few to confirm: nobody waits for more accusers than there can be.
      expected: this.size - 2 < SUSPICION_CONFIRMATIONS ? 0 : SUSPICION_CONFIRMATIONS,
      from,
      nowMs: clock.now(),
      timers,
      onTimeout: () => this.dead({ name, incarnation, from: this.self.name }),
    });
  }

  #set({ name, host, port, incarnation }: NodeRecord, state: Liveness): void {
    this.#suspicions.get(name)?.cancel();
    this.#suspicions.delete(name);
    const known = this.#nodes.get(name);
    const changedMs = known?.state === state ? known.changedMs : this.#options.clock.now();
    this.#nodes.set(name, { name, host, port, incarnation, state, changedMs });
    if (known && this.#addresses.get(at(known)) === name) this.#addresses.delete(at(known));
    if (isLive({ state })) this.#addresses.set(at({ host, port }), name);
    this.#live += Number(isLive({ state })) - Number(known !== undefined && isLive(known));
  }

  #mayMove({ state, changedMs }: Node): boolean {
    const { reclaimMs, gossipToDeadMs, clock } = this.#options;
    return state === 'left' || (state === 'dead' && clock.now() - changedMs >= (reclaimMs || gossipToDeadMs));
  }

  #isRecent({ changedMs }: Node): boolean {
    return this.#options.clock.now() - changedMs <= this.#options.gossipToDeadMs;
  }

  /** Logs each once: gossip repeats itself. */
  #conflict(message: string, record: NodeRecord): void {
    const conflict = `${record.name} ${at(record)}`;
    if (this.#conflicts.has(conflict) || this.#conflicts.size >= MAX_CONFLICTS) return;
    this.#conflicts.add(conflict);
    this.#options.logger.error(message, { node: record.name, address: at(record), known: at(this.#nodes.get(record.name)!) });
  }

  #nowSeconds(): number {
    return Math.floor(this.#options.clock.now() / 1_000);
  }
}

function isLive({ state }: { readonly state: Liveness }): boolean {
  return state === 'alive' || state === 'suspect';
}

function isSameAddress(a: Address, b: Address): boolean {
  return a.host === b.host && a.port === b.port;
}

function at({ host, port }: Address): string {
  return `${host}:${port}`;
}
