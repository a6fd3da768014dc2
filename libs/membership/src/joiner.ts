import type { Logger, Timers } from '@vivace/base';
import type { JoinOptions } from './membership-options.ts';
import type { Address } from './message.ts';
import type { Roster } from './roster.ts';

export interface JoinerDeps {
  readonly roster: Roster;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Exchanges whole states; resolves with whether there was an answer. Never rejects. */
  readonly sync: (address: Address) => Promise<boolean>;
}

/** Seeds tried at a time. */
const FANOUT = 4;

/** Gets this node into the cluster, and back into it when it finds itself alone. */
export class Joiner {
  readonly #options: JoinOptions;
  readonly #deps: JoinerDeps;
  readonly #abort = new AbortController();
  #failures = 0;
  #cancel: (() => void) | undefined;

  constructor(options: JoinOptions, deps: JoinerDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Tries once, then goes on by itself until `stop`. Resolves after the first attempt, with the number of seeds that answered. */
  async start(): Promise<number> {
    const { seeds, answered } = await this.#attempt();
    if (seeds > 0) this.#deps.logger.info('gossip joined', { seeds, answered, nodes: this.#deps.roster.size });
    this.#later();
    return answered;
  }

  stop(): void {
    this.#abort.abort();
    this.#cancel?.();
  }

  #later(): void {
    if (this.#abort.signal.aborted) return;
    this.#cancel = this.#deps.timers.after(this.#delayMs(), () => void this.#again().then(() => this.#later()));
  }

  /** Longer with every attempt that leaves this node alone. */
  #delayMs(): number {
    const { minBackoffMs, maxBackoffMs, rejoinIntervalMs } = this.#options;
    if (!this.#alone()) return rejoinIntervalMs || maxBackoffMs;
    return Math.min(maxBackoffMs, minBackoffMs * 2 ** Math.min(this.#failures, 20));
  }

  async #again(): Promise<void> {
    const { rejoinIntervalMs, maxRetries, onFailed } = this.#options;
    if (!this.#alone() && rejoinIntervalMs === 0) return;
    const { seeds, answered } = await this.#attempt();
    if (this.#abort.signal.aborted || seeds === 0) return;
    if (answered > 0 || !this.#alone()) this.#failures = 0;
    else {
      this.#failures++;
      this.#deps.logger.warn('gossip cannot join', { seeds, attempt: this.#failures });
      if (this.#failures === maxRetries) onFailed();
    }
  }

  /** This node counts among those that answer: the first of a cluster finds nobody but itself. */
  async #attempt(): Promise<{ readonly seeds: number; readonly answered: number }> {
    const { roster, sync } = this.#deps;
    const addresses = await this.#options.seeds(this.#abort.signal);
    const others = addresses.filter(({ host, port }) => host !== roster.self.host || port !== roster.self.port);
    let answered = addresses.length - others.length;
    const worker = async (): Promise<void> => {
      for (let address = others.pop(); address !== undefined && !this.#abort.signal.aborted; address = others.pop()) if (await sync(address)) answered++;
    };
    await Promise.all(Array.from({ length: FANOUT }, worker));
    return { seeds: addresses.length, answered };
  }

  #alone(): boolean {
    return this.#deps.roster.size === 1;
  }
}
