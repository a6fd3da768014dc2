import { AppError } from './app-error.ts';

/** Lets at most `max` pieces of work run at a time; the others wait, first come first served. */
export class ConcurrencyLimit {
  readonly max: number;
  #running = 0;
  /** A set keeps the order and forgets one that gave up without a search. */
  readonly #waiting = new Set<() => void>();

  constructor(max: number) {
    this.max = Math.max(1, max);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Settles as `work` does. Rejects with the reason of `signal` (as AppError) when it aborts before the work began; later it is the work's to look at. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#running >= this.max) await this.#turn(signal);
    else this.#running++;
    try {
      if (signal?.aborted) throw AppError.from(signal.reason, 'canceled');
      return await work();
    } finally {
      const [next] = this.#waiting;
      // The place goes from hand to hand, so that nobody who comes meanwhile takes it.
      if (next) next();
      else this.#running--;
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        this.#waiting.delete(begin);
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        this.#waiting.delete(begin);
        reject(AppError.from(signal!.reason, 'canceled'));
      };
      if (signal?.aborted) return giveUp();
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(begin);
    });
  }
}
