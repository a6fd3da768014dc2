import { AppError } from '@vivace/base';

export interface BreakerDeps {
  /** For messages: `s3 bucket traces`. */
  readonly name: string;
  /** Calls `work` every so often until the function it returns is called. */
  readonly every: (ms: number, work: () => void) => () => void;
  /** Milliseconds of a clock that never goes back, the same in all threads. */
  readonly now: () => number;
  /** Shared with the other threads that read from the store; `HEALTH_BYTES`. */
  readonly health: SharedArrayBuffer;
}

export const HEALTH_BYTES = 24;
/** Of `health`: integers, then times. */
const ANSWERS = 0;
const AWAY = 1;
const TIMES_AT = 8;
const KNOWN_UNTIL = 0;
const NEXT_PROBE = 1;

/** A read that waits for its answer to begin. */
interface Waiting {
  readonly giveUp: (reason: AppError) => void;
  readonly sinceMs: number;
}

/** Time is counted in these, so that a thread that was busy, or stopped, takes none of it for silence. */
const TICK_MS = 250;
/** Silence after which the store counts as away. */
const SILENCE_MS = 3_000;
/** A store that has shown that it takes its time gets twice as much, for a while. */
const MAX_SILENCE_MS = 15_000;
const SLOW_FOR_MS = 60_000;
/** Longer than the pause between two tries: one request that fails for good is no silence yet. */
const FAILING_MS = 1_000;
const PROBE_EVERY_MS = 1_000;
/** When nobody has asked for so long, the next one does not pay for what was then. */
const KNOWN_FOR_MS = 15_000;

/**
 * Keeps readers from waiting for a store that is away. Silence is when something is asked of the store, or has failed, and nothing is answered. When it has lasted, all who wait are given up on and
 * whoever comes is refused at once, so that requests do not pile up. One of those refused is sent all the same every second, for nobody; the first answer, to whomever, ends it. The
 * threads of a process know all this together.
 *
 * Answers that say no are answers too. Times are those to the beginning of an answer: how long its bytes take is not looked at.
 */
export class Breaker {
  readonly #deps: BreakerDeps;
  readonly #waiting = new Set<Waiting>();
  /** How much longer the last failure counts. */
  #failingMs = 0;
  #silenceMs = 0;
  readonly #state: Int32Array;
  readonly #times: Float64Array;
  #seenAnswers = 0;
  #lastFailure = 'no answer';
  #slowestMs = 0;
  #slowUntilMs = 0;
  #stopTicking: (() => void) | undefined;

  constructor(deps: BreakerDeps) {
    this.#deps = deps;
    this.#state = new Int32Array(deps.health, 0, 2);
    this.#times = new Float64Array(deps.health, TIMES_AT, 2);
  }

  /** Before a read. Throws `unavailable` when there is no use; `probe` is called when it is worth a try. */
  check(probe: () => void): void {
    if (Atomics.load(this.#state, AWAY) === 0) return;
    const nowMs = this.#deps.now();
    if (nowMs >= this.#times[KNOWN_UNTIL]) {
      this.answered();
      return;
    }
    if (nowMs >= this.#times[NEXT_PROBE]) {
      this.#times[NEXT_PROBE] = nowMs + PROBE_EVERY_MS;
      probe();
    }
    throw this.#away();
  }

  /** A read is sent: `giveUp` is called when it has waited in vain. Returns what to call when its answer begins, or fails. */
  wait(giveUp: (reason: AppError) => void): (isAnswered: boolean) => void {
    const waiting: Waiting = { giveUp, sinceMs: this.#deps.now() };
    this.#waiting.add(waiting);
    this.#tick();
    return (isAnswered) => {
      this.#waiting.delete(waiting);
      if (isAnswered) this.#took(this.#deps.now() - waiting.sinceMs);
    };
  }

  /** The store has answered a request of whatever kind. */
  answered(): void {
    this.#silenceMs = 0;
    this.#failingMs = 0;
    this.#seenAnswers = Atomics.add(this.#state, ANSWERS, 1) + 1;
    Atomics.store(this.#state, AWAY, 0);
  }

  /** A request got no answer, or one that says that the store itself is in trouble. */
  failed(what: string): void {
    this.#failingMs = FAILING_MS;
    this.#times[KNOWN_UNTIL] = this.#deps.now() + KNOWN_FOR_MS;
    this.#lastFailure = what;
    this.#tick();
  }

  #took(ms: number): void {
    const nowMs = this.#deps.now();
    if (ms < this.#slowestMs && nowMs < this.#slowUntilMs) return;
    this.#slowestMs = ms;
    this.#slowUntilMs = nowMs + SLOW_FOR_MS;
  }

  /** Runs while there is something to watch. */
  #tick(): void {
    this.#stopTicking ??= this.#deps.every(TICK_MS, () => {
      if (this.#waiting.size === 0 && this.#failingMs === 0) {
        this.#silenceMs = 0;
        this.#stopTicking?.();
        this.#stopTicking = undefined;
        return;
      }
      const answers = Atomics.load(this.#state, ANSWERS);
      this.#silenceMs = answers === this.#seenAnswers ? this.#silenceMs + TICK_MS : 0;
      this.#seenAnswers = answers;
      this.#failingMs = Math.max(0, this.#failingMs - TICK_MS);
      const allowedMs = this.#deps.now() < this.#slowUntilMs ? Math.min(MAX_SILENCE_MS, Math.max(SILENCE_MS, 2 * this.#slowestMs)) : SILENCE_MS;
      const isNews = Atomics.load(this.#state, AWAY) === 0;
      if (isNews && this.#silenceMs < allowedMs) return;
      if (isNews) {
        this.#times[KNOWN_UNTIL] = this.#deps.now() + KNOWN_FOR_MS;
        Atomics.store(this.#state, AWAY, 1);
      }
      const reason = this.#away();
      for (const { giveUp } of this.#waiting) giveUp(reason);
      this.#waiting.clear();
    });
  }

  #away(): AppError {
    return new AppError('unavailable', `${this.#deps.name} is away (${this.#lastFailure}); it is tried again every second`, {
      retryAfterMs: PROBE_EVERY_MS,
      reason: 'store_away',
    });
  }
}
