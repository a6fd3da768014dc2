import { equalBytes, hashBytes, randomSeed } from '@vivace/bytes';

const SEED = randomSeed();

/** A verdict on one more span of a trace. */
export const ADMITTED = 0;
export const TRACE_TOO_LARGE = 1;
export const TOO_MANY_LIVE_TRACES = 2;
export type Verdict = typeof ADMITTED | typeof TRACE_TOO_LARGE | typeof TOO_MANY_LIVE_TRACES;

export interface TraceLimits {
  /** OTLP bytes of one live trace, 0 = no limit. */
  readonly maxBytesPerTrace: number;
  /** Live traces, 0 = no limit. */
  readonly maxTraces: number;
}

/**
 * The traces of a tenant that got spans lately, with their size, for limits. Two generations: `rotate` (called every
 * `trace_idle_period`) makes the current one the previous and forgets the one before, so a trace counts as live for one to two idle
 * periods after its last span. Typed arrays only; memory is bounded by `maxTraces` or by what arrives in two periods.
 */
export class LiveTraces {
  #current = new TraceMap();
  #previous = new TraceMap();
  /** Traces of the previous generation that are in the current one too. */
  #moved = 0;
  #currentBytes = 0;
  /** Of traces that are not in the current generation too. */
  #previousBytes = 0;
  #created = 0;

  get count(): number {
    return this.#current.size + this.#previous.size - this.#moved;
  }

  /** OTLP bytes of them. */
  get bytes(): number {
    return this.#currentBytes + this.#previousBytes;
  }

  /** Traces that became live since this was made. */
  get created(): number {
    return this.#created;
  }

  /** Accounts `size` bytes to the trace whose id stands at `bytes[at]`, unless a limit refuses them. */
  admit(bytes: Uint8Array, at: number, size: number, limits: TraceLimits): Verdict {
    let row = this.#current.find(bytes, at);
    if (row < 0) {
      const old = this.#previous.find(bytes, at);
      if (old < 0 && limits.maxTraces > 0 && this.count >= limits.maxTraces) return TOO_MANY_LIVE_TRACES;
      row = this.#current.add(bytes, at);
      if (old >= 0) {
        const known = this.#previous.sizes[old];
        this.#current.sizes[row] = known;
        this.#currentBytes += known;
        this.#previousBytes -= known;
        this.#moved++;
      } else this.#created++;
    }
    if (limits.maxBytesPerTrace > 0 && this.#current.sizes[row] + size > limits.maxBytesPerTrace) return TRACE_TOO_LARGE;
    this.#current.sizes[row] += size;
    this.#currentBytes += size;
    return ADMITTED;
  }

  rotate(): void {
    this.#previous = this.#current;
    this.#current = new TraceMap(this.#previous.size);
    this.#moved = 0;
    this.#previousBytes = this.#currentBytes;
    this.#currentBytes = 0;
  }
}

/** Trace id → row, open addressing. */
class TraceMap {
  size = 0;
  /** Bytes accounted, by row. */
  sizes: Float64Array;
  #ids: Uint8Array;
  #slots: Int32Array;

  constructor(expected = 0) {
    let capacity = 64;
    while (capacity < expected) capacity *= 2;
    this.sizes = new Float64Array(capacity);
    this.#ids = new Uint8Array(capacity * 16);
    this.#slots = new Int32Array(capacity * 2).fill(-1);
  }

  find(bytes: Uint8Array, at: number): number {
    return this.#slots[this.#slot(bytes, at)];
  }

  add(bytes: Uint8Array, at: number): number {
    if (this.size === this.sizes.length) this.#grow();
    const row = this.size++;
    this.#slots[this.#slot(bytes, at)] = row;
    for (let i = 0; i < 16; i++) this.#ids[row * 16 + i] = bytes[at + i];
    return row;
  }

  #slot(bytes: Uint8Array, at: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashBytes(bytes, at, at + 16, SEED) & mask;
    for (;;) {
      const row = this.#slots[slot];
      if (row === -1 || equalBytes(this.#ids, row * 16, bytes, at, 16)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const capacity = this.sizes.length * 2;
    const sizes = new Float64Array(capacity);
    sizes.set(this.sizes);
    this.sizes = sizes;
    const ids = new Uint8Array(capacity * 16);
    ids.set(this.#ids);
    this.#ids = ids;
    this.#slots = new Int32Array(capacity * 2).fill(-1);
    for (let row = 0; row < this.size; row++) this.#slots[this.#slot(ids, row * 16)] = row;
  }
}
