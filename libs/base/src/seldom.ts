import type { Clock } from './clock.ts';

/** Of one kind. */
const EVERY_MS = 10_000;
/** Kinds that are remembered; with more, some are told of again too soon. */
const MAX_KINDS = 1_000;

/** Bounds how often the log tells of what may happen with every request: the first time at once, later with the number of times. */
export class Seldom {
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { toldMs: number; untold: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How often `kind` has happened since it was last told of, this time included; 0 when that was a moment ago. */
  times(kind: string): number {
    const nowMs = this.#clock.now();
    const known = this.#kinds.get(kind);
    if (!known) {
      if (this.#kinds.size >= MAX_KINDS) this.#kinds.clear();
      this.#kinds.set(kind, { toldMs: nowMs, untold: 0 });
      return 1;
    }
    known.untold++;
    const elapsedMs = nowMs - known.toldMs;
    // Clocks may be set back.
    if (elapsedMs >= 0 && elapsedMs < EVERY_MS) return 0;
    const times = known.untold;
    known.toldMs = nowMs;
    known.untold = 0;
    return times;
  }
}
