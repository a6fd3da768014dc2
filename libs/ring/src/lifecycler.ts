import { AppError } from '@vivace/base';
import type { Clock, Logger, Timers } from '@vivace/base';
import type { MemberInfo, RingState } from './entry.ts';
import type { Ring } from './ring.ts';
import type { RandomUint32 } from './tokens.ts';
import { generateTokens } from './tokens.ts';

export interface LifecyclerOptions {
  readonly ring: Ring;
  readonly id: string;
  /** `host:port` of the gRPC server, as others reach it. */
  readonly address: string;
  readonly zone: string;
  /** Name of this process in the gossip; empty is none. */
  readonly node: string;
  readonly tokenCount: number;
  /** Those of an earlier run; what is missing is made up for. */
  readonly tokens?: Uint32Array;
  /** Keeps the tokens for the next run, whenever they change. */
  readonly saveTokens?: (tokens: Uint32Array) => void;
  readonly heartbeatPeriodMs: number;
  /** Waits so long as PENDING, to hear of the others' tokens before it chooses its own. */
  readonly joinAfterMs: number;
  /** Waits so long as JOINING, to see whether somebody else chose the same. */
  readonly observePeriodMs: number;
  /** False: a stop leaves the member LEAVING, for a process that will be back soon under the same id. */
  readonly unregisterOnShutdown: boolean;
  readonly random: RandomUint32;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
}

/**
 * This process as a member of a ring: PENDING → JOINING → ACTIVE, on `leave` LEAVING, on `stop` LEFT. Says every heartbeat period
 * that it is alive, and sweeps the ring while it is at it. A member that others forgot by mistake registers again.
 */
export class Lifecycler {
  readonly #options: LifecyclerOptions;
  #state: RingState = 'PENDING';
  #registeredMs = 0;
  #tokens: Uint32Array = new Uint32Array(0);
  #cancelBeat: (() => void) | undefined;
  #cancelStep: (() => void) | undefined;
  #activated: (() => void)[] = [];
  #heartbeats = 0;

  constructor(options: LifecyclerOptions) {
    this.#options = options;
  }

  get state(): RingState {
    return this.#state;
  }

  get tokens(): Uint32Array {
    return this.#tokens;
  }

  /** What the `tempo_ring_member_…` metrics show. */
  get stats(): { readonly heartbeats: number; readonly tokens: number; readonly tokensWanted: number } {
    return { heartbeats: this.#heartbeats, tokens: this.#tokens.length, tokensWanted: this.#options.tokenCount };
  }

  start(): void {
    const { joinAfterMs, tokens, clock } = this.#options;
    // Of one that comes back too: others have had its spans meanwhile, and reads have to know.
    this.#registeredMs = clock.now();
    this.#tokens = tokens?.length ? tokens : new Uint32Array(0);
    this.#put('PENDING');
    this.#beatLater();
    this.#cancelStep = this.#options.timers.after(joinAfterMs, () => this.#join());
  }

  /** Resolves when the member is ACTIVE, at once when it is. */
  active(signal: AbortSignal): Promise<void> {
    if (this.#state === 'ACTIVE') return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => reject(new AppError('canceled', `${this.#options.ring.name} ring: stopped before it was joined`));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#activated.push(resolve);
    return promise.finally(() => signal.removeEventListener('abort', onAbort));
  }

  /** From now on it gets no new spans, while it hands over what it has. Heartbeats go on. */
  leave(): void {
    this.#cancelStep?.();
    if (this.#state !== 'LEFT') this.#put('LEAVING');
  }

  /** The end, after everything was handed over. */
  stop(): void {
    this.#cancelStep?.();
    this.#cancelBeat?.();
    if (this.#state === 'LEFT') return;
    if (this.#options.unregisterOnShutdown) this.#put('LEFT');
    else this.leave();
  }

  #join(): void {
    this.#chooseTokens();
    this.#put('JOINING');
    this.#cancelStep = this.#options.timers.after(this.#options.observePeriodMs, () => this.#observed());
  }

  #observed(): void {
    const { logger, ring, timers, observePeriodMs } = this.#options;
    if (this.#chooseTokens()) {
      logger.warn('tokens were taken by others as well, observing again', { ring: ring.name });
      this.#put('JOINING');
      this.#cancelStep = timers.after(observePeriodMs, () => this.#observed());
      return;
    }
    this.#put('ACTIVE');
    for (const resolve of this.#activated.splice(0)) resolve();
  }

  /** Gives up what others have, fills up to the number wanted; returns whether anything changed. */
  #chooseTokens(): boolean {
    const { ring, id, tokenCount, random, saveTokens } = this.#options;
    const taken = new Set<number>();
    for (const entry of ring.entries()) {
      if (entry.id !== id && entry.pulse?.state !== 'LEFT') for (const token of entry.info?.tokens ?? []) taken.add(token);
    }
    const kept = this.#tokens.filter((token) => !taken.has(token)).slice(0, tokenCount);
    if (kept.length === tokenCount && kept.length === this.#tokens.length) return false;
    for (const token of kept) taken.add(token);
    this.#tokens = Uint32Array.from([...kept, ...generateTokens(tokenCount - kept.length, taken, random)]).sort();
    saveTokens?.(this.#tokens);
    return true;
  }

  #beatLater(): void {
    this.#cancelBeat = this.#options.timers.after(this.#options.heartbeatPeriodMs, () => {
      this.#beat();
      this.#beatLater();
    });
  }

  #beat(): void {
    const { ring, id, logger } = this.#options;
    const known = ring.entry(id);
    this.#heartbeats++;
    if (known?.pulse?.state === 'LEFT') {
      logger.warn('was forgotten by others, registering again', { ring: ring.name });
      this.#registeredMs = this.#options.clock.now();
    }
    if (known?.info && known.pulse?.state !== 'LEFT' && known.info.address !== this.#options.address)
      logger.error('another process has the same id in the ring', { ring: ring.name, member: id, address: known.info.address });
    if (known?.info && this.#isMine(known.info)) ring.put(id, { state: this.#state });
    else this.#put(this.#state);
    ring.sweep();
  }

  #isMine(info: MemberInfo): boolean {
    const { address, node } = this.#options;
    return (
      info.address === address &&
      info.node === node &&
      info.registeredMs === this.#registeredMs &&
      info.tokens.length === this.#tokens.length &&
      info.tokens.every((token, i) => token === this.#tokens[i])
    );
  }

  #put(state: RingState): void {
    const { ring, id, address, zone, node, logger } = this.#options;
    if (state !== this.#state) logger.info('ring state', { ring: ring.name, from: this.#state, to: state });
    this.#state = state;
    const known = ring.entry(id)?.info;
    if (known && this.#isMine(known)) ring.put(id, { state });
    else ring.put(id, { state, info: { address, zone, node, registeredMs: this.#registeredMs, tokens: this.#tokens } });
  }
}
