import type { Clock, Timers } from '@vivace/base';
import type { GatewayTimeouts } from '@vivace/config';

export interface DeadlineOptions {
  readonly limits: GatewayTimeouts;
  readonly timers: Timers;
  readonly clock: Clock;
  /** Called at most once, with what to tell the client. */
  readonly onExpire: (reason: string) => void;
}

/** The two limits on the time of a request. Progress is noted without touching a timer: it comes with every chunk. */
export class Deadline {
  readonly #options: DeadlineOptions;
  #lastMs: number;
  #cancelIdle: () => void = () => undefined;
  #cancelTotal: () => void = () => undefined;

  constructor(options: DeadlineOptions) {
    const { limits, timers, clock } = options;
    this.#options = options;
    this.#lastMs = clock.now();
    if (limits.idleMs > 0) this.#waitIdle(limits.idleMs);
    if (limits.totalMs > 0) this.#cancelTotal = timers.after(limits.totalMs, () => this.#expire(`took longer than ${limits.totalMs} ms`));
  }

  /** Something was sent or received. */
  touch(): void {
    this.#lastMs = this.#options.clock.now();
  }

  clear(): void {
    this.#cancelIdle();
    this.#cancelTotal();
  }

  #waitIdle(delayMs: number): void {
    const { limits, timers, clock } = this.#options;
    this.#cancelIdle = timers.after(delayMs, () => {
      const leftMs = this.#lastMs + limits.idleMs - clock.now();
      if (leftMs > 0) this.#waitIdle(leftMs);
      else this.#expire(`was silent for ${limits.idleMs} ms`);
    });
  }

  #expire(reason: string): void {
    this.clear();
    this.#options.onExpire(reason);
  }
}
