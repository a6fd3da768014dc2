import type { Clock } from '@vivace/base';

export interface FailureLimitOptions {
  /** Within `windowMs`, of one key. */
  readonly maxFailures: number;
  readonly windowMs: number;
  /** The ones whose window began first are forgotten. */
  readonly maxKeys: number;
  readonly clock: Clock;
}

interface Window {
  count: number;
  readonly endMs: number;
}

/** Counts failures by key in windows that begin with the first of them; bounded in memory. */
export class FailureLimit {
  readonly #options: FailureLimitOptions;
  readonly #windows = new Map<string, Window>();

  constructor(options: FailureLimitOptions) {
    this.#options = options;
  }

  /** How long the key has to wait; 0 when it need not. */
  waitMs(key: string): number {
    const window = this.#windows.get(key);
    const leftMs = window ? window.endMs - this.#options.clock.now() : 0;
    return window && leftMs > 0 && window.count >= this.#options.maxFailures ? leftMs : 0;
  }

  /** Counts an attempt as failed before it is known, so that attempts at the same time count too. Call what it returns when it was good. */
  charge(key: string): () => void {
    const { windowMs, maxKeys, clock } = this.#options;
    const now = clock.now();
    let window = this.#windows.get(key);
    if (!window || window.endMs <= now) {
      this.#windows.delete(key);
      window = { count: 0, endMs: now + windowMs };
      this.#windows.set(key, window);
      for (const oldest of this.#windows.keys()) {
        if (this.#windows.size <= maxKeys) break;
        this.#windows.delete(oldest);
      }
    }
    window.count++;
    return () => void window.count--;
  }
}
