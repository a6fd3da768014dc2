import type { Timers } from '@vivace/base';

/**
 * Sends the state of something that grows: the latest, `everyMs` after it changed or after the last one was sent, and never while the
 * receiver has not taken the one before. Nothing is made of states in between.
 */
export class Pacer<T> {
  readonly #everyMs: number;
  readonly #timers: Timers;
  readonly #send: (state: T) => Promise<void>;
  #latest: (() => T) | undefined;
  #cancelTimer: (() => void) | undefined;
  #sending: Promise<void> | undefined;
  #isEnded = false;

  constructor(everyMs: number, timers: Timers, send: (state: T) => Promise<void>) {
    this.#everyMs = everyMs;
    this.#timers = timers;
    this.#send = send;
  }

  readonly offer = (state: () => T): void => {
    this.#latest = state;
    this.#arm();
  };

  /** Stops; resolves when nothing is being sent any more, rejects when something could not be. */
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#cancelTimer?.();
    await this.#sending;
  }

  #arm(): void {
    if (this.#isEnded || this.#cancelTimer || this.#sending) return;
    this.#cancelTimer = this.#timers.after(this.#everyMs, () => {
      this.#cancelTimer = undefined;
      const state = this.#latest!; // set before a timer is
      this.#latest = undefined;
      this.#sending = this.#run(state);
      this.#sending.then(
        () => {
          this.#sending = undefined;
          if (this.#latest) this.#arm();
        },
        // `end` tells of it.
        () => undefined,
      );
    });
  }

  async #run(state: () => T): Promise<void> {
    await this.#send(state());
  }
}
