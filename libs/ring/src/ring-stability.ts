import type { Clock } from '@vivace/base';
import type { Ring } from './ring.ts';

export interface RingStabilityOptions {
  /** How long the ring must be unchanged; 0 is not at all. */
  readonly minMs: number;
  /** After this it counts as stable whatever happens. */
  readonly maxMs: number;
  readonly clock: Clock;
}

/** Whether a ring has stood still since this process began to look, so that work is not given out among members that are still coming. Once stable it stays so. */
export class RingStability {
  readonly #ring: Pick<Ring, 'view'>;
  readonly #options: RingStabilityOptions;
  readonly #sinceMs: number;
  #changedMs: number;
  #members: string;
  #isStable = false;

  constructor(ring: Pick<Ring, 'view'>, options: RingStabilityOptions) {
    this.#ring = ring;
    this.#options = options;
    this.#sinceMs = this.#changedMs = options.clock.now();
    this.#members = this.#activeMembers();
  }

  /** Looks again. Call it every second or so. */
  look(): void {
    if (this.#isStable) return;
    const { minMs, maxMs, clock } = this.#options;
    const nowMs = clock.now();
    const members = this.#activeMembers();
    if (members !== this.#members) this.#changedMs = nowMs;
    this.#members = members;
    this.#isStable = nowMs - this.#changedMs >= minMs || nowMs - this.#sinceMs >= maxMs;
  }

  get isStable(): boolean {
    return this.#isStable;
  }

  #activeMembers(): string {
    const { members, healthy } = this.#ring.view();
    return JSON.stringify(members.flatMap(({ id, state }, i) => (state === 'ACTIVE' && healthy[i] === 1 ? [id] : [])));
  }
}
