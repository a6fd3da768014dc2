/** Tells how far something is, one after the other: what changes meanwhile is told at once afterwards. */
export class Teller {
  readonly #work: () => Promise<void>;
  #last: Promise<void> = Promise.resolve();
  #isWaiting = false;
  #isOver = false;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  tell(): void {
    if (this.#isWaiting || this.#isOver) return;
    this.#isWaiting = true;
    this.#last = this.#last.then(async () => {
      this.#isWaiting = false;
      if (!this.#isOver) await this.#work();
    });
    // `end` tells of it.
    this.#last.catch(() => undefined);
  }

  /** Resolves when nothing more will be told; rejects with the first failure. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#last;
  }
}
