import type { Clock } from '@vivace/base';

export interface ShardSizesOptions {
  /** How much later than this process others may hear of a change. Writes follow it only then, so that whoever reads knows of it first. */
  readonly delayMs: number;
  /** How long spans are asked of those they were written to; 0 in processes that only write. */
  readonly lookbackMs: number;
  readonly clock: Clock;
}

interface Table {
  readonly fromMs: number;
  /** By tenant; `*` is everybody else. */
  readonly sizes: ReadonlyMap<string, number>;
}

const OTHERS = '*';
/** Changes within a look-back that are remembered one by one. */
const MAX_TABLES = 64;

/** The shard sizes of tenants, now and as far back as spans are asked for. */
export class ShardSizes {
  readonly #options: ShardSizesOptions;
  #tables: readonly Table[] = [];
  /** Nothing is known of what was before. */
  #knownSinceMs = Number.POSITIVE_INFINITY;

  constructor(options: ShardSizesOptions) {
    this.#options = options;
  }

  /** What holds from now on, of everybody: `*` is for those not named. The first one counts at once. */
  update(sizes: ReadonlyMap<string, number>): void {
    const last = this.#tables.at(-1);
    if (last && isSame(last.sizes, sizes)) return;
    const fromMs = this.#options.clock.now();
    this.#tables = [...this.#tables.filter((_, i) => this.#mayHoldSpans(i, fromMs)), { fromMs, sizes }];
    if (!last) this.#knownSinceMs = fromMs;
    if (this.#tables.length <= MAX_TABLES) return;
    this.#tables = this.#tables.slice(1);
    this.#knownSinceMs = fromMs;
  }

  /** For `Ring.shard`: 0 is no shard. */
  forWrite(tenant: string): number {
    const beforeMs = this.#options.clock.now() - this.#options.delayMs;
    const table = this.#tables.findLast(({ fromMs }, i) => i === 0 || fromMs <= beforeMs);
    return table ? sizeOf(table, tenant) : 0;
  }

  /**
   * For `Ring.shard`: the largest that spans may have been written by since the look-back began, as a larger shard holds the smaller ones. 0 is that there was none at any time; Infinity
   * that a span may be anywhere.
   */
  forRead(tenant: string): number {
    const { clock, lookbackMs, delayMs } = this.#options;
    const nowMs = clock.now();
    const isKnown = nowMs - this.#knownSinceMs > lookbackMs + 2 * delayMs;
    // Where nobody has a shard there was none before either, in all likelihood; and then every read would cost as much as the ring is large.
    if (!isKnown && this.#tables.some(({ sizes }) => [...sizes.values()].some((size) => size > 0))) return Number.POSITIVE_INFINITY;
    const sizes = this.#tables.filter((_, i) => this.#mayHoldSpans(i, nowMs)).map((table) => sizeOf(table, tenant));
    if (sizes.every((size) => size === 0)) return 0;
    return Math.max(...sizes.map((size) => size || Number.POSITIVE_INFINITY));
  }

  /** Writers may be late by `delayMs` twice: they wait so long, and hear of it late. */
  #mayHoldSpans(i: number, nowMs: number): boolean {
    const { lookbackMs, delayMs } = this.#options;
    const next = this.#tables.at(i + 1);
    return next === undefined || nowMs - next.fromMs <= lookbackMs + 2 * delayMs;
  }
}

function sizeOf({ sizes }: Table, tenant: string): number {
  return sizes.get(tenant) ?? sizes.get(OTHERS) ?? 0;
}

function isSame(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([tenant, size]) => b.get(tenant) === size);
}
