interface Waiting<Q> {
  readonly queue: Q;
  /** When it is served next, in turns. */
  dueAt: number;
}

/** What `InTurn.first` found: something of the queue of a key. */
export interface Found<K, Q, V> {
  readonly key: K;
  readonly queue: Q;
  readonly value: V;
}

/**
 * Queues that are served in turn. Who takes something of weight 2 has had two turns. A queue that comes has no turns saved up from the time it was not here, and still
 * owes what it had too many of.
 */
export class InTurn<K, Q> {
  readonly #queues = new Map<K, Waiting<Q>>();
  /** Of keys that have had more than their turns, with a queue or without. */
  readonly #dueAt = new Map<K, number>();
  #now = 0;

  get size(): number {
    return this.#queues.size;
  }

  get(key: K): Q | undefined {
    return this.#queues.get(key)?.queue;
  }

  /** The queue of a key, which comes with `make` if it is not here. */
  queueOf(key: K, make: () => Q): Q {
    let waiting = this.#queues.get(key);
    if (!waiting) this.#queues.set(key, (waiting = { queue: make(), dueAt: Math.max(this.#now, this.#dueAt.get(key) ?? 0) }));
    return waiting.queue;
  }

  delete(key: K): void {
    this.#queues.delete(key);
  }

  clear(): void {
    this.#queues.clear();
  }

  *entries(): Iterable<readonly [K, Q]> {
    for (const [key, { queue }] of this.#queues) yield [key, queue];
  }

  /** What `look` finds in the first queue, in the order of turns, in which it finds anything. */
  first<V>(look: (queue: Q) => V | undefined): Found<K, Q, V> | undefined {
    let found: Found<K, Q, V> | undefined;
    let foundDueAt = Number.POSITIVE_INFINITY;
    for (const [key, { queue, dueAt }] of this.#queues) {
      if (dueAt >= foundDueAt) continue;
      const value = look(queue);
      if (value === undefined) continue;
      found = { key, queue, value };
      foundDueAt = dueAt;
    }
    return found;
  }

  /** Counts so many turns of a key. */
  charge(key: K, turns: number): void {
    const waiting = this.#queues.get(key);
    this.#now = Math.max(this.#now, waiting?.dueAt ?? this.#dueAt.get(key) ?? 0);
    const dueAt = this.#now + turns;
    if (waiting) waiting.dueAt = dueAt;
    // To the end, so that those due are at the beginning.
    this.#dueAt.delete(key);
    this.#dueAt.set(key, dueAt);
    for (const [one, due] of this.#dueAt) {
      if (due > this.#now) break;
      this.#dueAt.delete(one);
    }
  }
}
