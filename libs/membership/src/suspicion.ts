import type { Timers } from '@vivace/base';

export interface SuspicionOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** Confirmations after which the wait is down to `minMs`. */
  readonly expected: number;
  readonly from: string;
  readonly nowMs: number;
  readonly timers: Timers;
  readonly onTimeout: () => void;
}

/**
 * The wait between suspicion and death. Long while one node alone suspects, shorter with every other one that does, so that a slow node cannot kill a
 * healthy one by itself. Source: Dadgar, Phillips, Currey: Lifeguard (2017), §IV.B.
 */
export class Suspicion {
  readonly #options: SuspicionOptions;
  readonly #accusers: Set<string>;
  #cancel: () => void;

  constructor(options: SuspicionOptions) {
    this.#options = options;
    this.#accusers = new Set([options.from]);
    this.#cancel = options.timers.after(this.#timeoutMs(), options.onTimeout);
  }

  /** Whether `from` is a new accuser that counts; then the accusation is worth passing on. */
  confirm(from: string, nowMs: number): boolean {
    if (this.#accusers.size > this.#options.expected || this.#accusers.has(from)) return false;
    this.#accusers.add(from);
    this.#cancel();
    this.#cancel = this.#options.timers.after(this.#timeoutMs() - (nowMs - this.#options.nowMs), this.#options.onTimeout);
    return true;
  }

  cancel(): void {
    this.#cancel();
  }

  #timeoutMs(): number {
    const { minMs, maxMs, expected } = this.#options;
    if (expected < 1) return minMs;
    return Math.max(minMs, maxMs - (maxMs - minMs) * (Math.log(this.#accusers.size) / Math.log(expected + 1)));
  }
}
