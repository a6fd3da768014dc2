import type { Logger, Timers } from '@vivace/base';
import type { Address, Message } from './message.ts';
import type { RandomUint32 } from './random.ts';
import { shuffle } from './random.ts';
import type { Node, Roster } from './roster.ts';

export interface FailureDetectorOptions {
  readonly roster: Roster;
  readonly probeIntervalMs: number;
  readonly probeTimeoutMs: number;
  /** Nodes asked to try when a node does not answer. */
  readonly indirectProbes: number;
  readonly timers: Timers;
  readonly random: RandomUint32;
  readonly logger: Logger;
  readonly send: (to: Address, messages: readonly Message[]) => void;
  /** Asks over a stream; resolves with whether the node answered. Never rejects. */
  readonly streamPing: (node: Node) => Promise<boolean>;
}

/** How bad this node may think of itself; its patience grows with it. Source: Lifeguard (2017), §IV.A. */
const MAX_HEALTH_SCORE = 8;
/** Probes on behalf of others at a time. */
const MAX_RELAYS = 1_024;

interface Waiting {
  readonly onAck: () => void;
  readonly onNack: () => void;
}

/**
 * SWIM's failure detector: every interval one node is asked whether it lives, all of them in turn in random order; when it does not answer, others are asked to ask
 * it, and a stream is tried. Silence after all that makes it a suspect. A node that gets few answers doubts itself first: it waits longer, so
 * that one with a sick network or a busy CPU does not take the healthy for dead.
 */
export class FailureDetector {
  readonly #options: FailureDetectorOptions;
  readonly #waiting = new Map<number, Waiting>();
  #round: string[] = [];
  #seq = 0;
  #score = 0;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(options: FailureDetectorOptions) {
    this.#options = options;
    this.#seq = options.random();
  }

  /** 0 is healthy. */
  get healthScore(): number {
    return this.#score;
  }

  start(): void {
    // Not all nodes at once: those started together would probe together for ever.
    const { probeIntervalMs, random, timers } = this.#options;
    this.#cancel = timers.after(random() % Math.max(1, Math.floor(probeIntervalMs)), () => this.#probe());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#waiting.clear();
  }

  onPing(from: Address, { seq, target }: { readonly seq: number; readonly target: string }): void {
    if (target === this.#options.roster.self.name) this.#options.send(from, [{ kind: 'ack', seq }]);
  }

  /** Only for nodes that are known: nobody can make this one ping strangers. */
  onIndirectPing(from: Address, { seq, target }: { readonly seq: number; readonly target: string }): void {
    const { roster, send, timers, probeTimeoutMs } = this.#options;
    const node = roster.get(target);
    if (node === undefined || node === roster.self || this.#waiting.size >= MAX_RELAYS) return;
    const relayed = this.#await({
      onAck: () => {
        cancel();
        this.#waiting.delete(relayed);
        send(from, [{ kind: 'ack', seq }]);
      },
      onNack: () => undefined,
    });
    const cancel = timers.after(probeTimeoutMs, () => {
      if (this.#waiting.delete(relayed)) send(from, [{ kind: 'nack', seq }]);
    });
    send(node, [{ kind: 'ping', seq: relayed, target }]);
  }

  onAck(seq: number): void {
    this.#waiting.get(seq)?.onAck();
  }

  onNack(seq: number): void {
    this.#waiting.get(seq)?.onNack();
  }

  #probe(): void {
    const { timers, probeIntervalMs, probeTimeoutMs } = this.#options;
    const patience = this.#score + 1;
    const node = this.#next();
    this.#cancel = timers.after(probeIntervalMs * patience, () => this.#probe());
    if (!node) return;
    let answered = false;
    let helpers = 0;
    let nacks = 0;
    const seq = this.#await({
      onAck: () => {
        answered = true;
      },
      onNack: () => {
        nacks++;
      },
    });
    this.#ping(node, seq);
    timers.after(probeTimeoutMs * patience, () => {
      if (answered || this.#stopped) return;
      helpers = this.#askOthers(node, seq);
      void this.#options.streamPing(node).then((ok) => {
        if (ok && !answered) this.#options.logger.warn('node answers over TCP only: is UDP blocked?', { node: node.name });
        answered ||= ok;
      });
    });
    // Just before the next probe, so that its patience knows the outcome.
    timers.after(probeIntervalMs * patience - 1, () => {
      this.#waiting.delete(seq);
      if (this.#stopped) return;
      // Missing nacks, and a probe nobody could help with, speak against this node rather than the other.
      this.#doubt(answered ? -1 : helpers === 0 ? 1 : Math.max(0, helpers - nacks));
      if (!answered) this.#suspect(node.name);
    });
  }

  #suspect(name: string): void {
    const { roster } = this.#options;
    const known = roster.get(name);
    if (known) roster.suspect({ name, incarnation: known.incarnation, from: roster.self.name });
  }

  /** A node that knows it is suspected can refute at once, so the suspicion comes with the ping. */
  #ping(node: Node, seq: number): void {
    const { roster, send } = this.#options;
    const ping: Message = { kind: 'ping', seq, target: node.name };
    if (node.state === 'alive') send(node, [ping]);
    else send(node, [ping, { kind: 'suspect', name: node.name, incarnation: node.incarnation, from: roster.self.name }]);
  }

  #askOthers(node: Node, seq: number): number {
    const { roster, random, send, indirectProbes } = this.#options;
    const helpers = shuffle(
      roster.others().filter(({ name, state }) => name !== node.name && state === 'alive'),
      random,
    ).slice(0, indirectProbes);
    for (const helper of helpers) send(helper, [{ kind: 'indirect-ping', seq, target: node.name }]);
    return helpers.length;
  }

  #next(): Node | undefined {
    const { roster, random } = this.#options;
    for (let rounds = 0; rounds < 2; rounds++) {
      for (let name = this.#round.pop(); name !== undefined; name = this.#round.pop()) {
        const node = roster.get(name);
        if (node && (node.state === 'alive' || node.state === 'suspect')) return node;
      }
      this.#round = shuffle(
        roster.others().map(({ name }) => name),
        random,
      );
    }
    return undefined;
  }

  #await(waiting: Waiting): number {
    this.#seq = (this.#seq + 1) >>> 0;
    this.#waiting.set(this.#seq, waiting);
    return this.#seq;
  }

  #doubt(by: number): void {
    this.#score = Math.min(MAX_HEALTH_SCORE - 1, Math.max(0, this.#score + by));
  }
}
