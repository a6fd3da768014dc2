import { SpanTable } from '@vivace/trace';

/**
 * Head tables to be used again. Their columns are shared memory, which does not make V8 collect: tables thrown away would stay resident
 * until some thread happens to run a full collection.
 */
export class TablePool {
  readonly #free: SpanTable[] = [];
  readonly #spans: number;
  readonly #keep: number;

  /** `spans`: rows reserved in a table. `keep`: most tables kept unused. */
  constructor(spans: number, keep: number) {
    this.#spans = spans;
    this.#keep = keep;
  }

  take(): SpanTable {
    const n = this.#spans;
    return this.#free.pop() ?? new SpanTable({ traces: Math.max(64, n >> 3), spans: n, attrs: n * 8, strings: n * 2, stringBytes: n * 64 });
  }

  /** `table` must not be read by anybody any more. */
  give(table: SpanTable): void {
    if (this.#free.length === this.#keep) return;
    table.clear();
    this.#free.push(table);
  }
}

/** A table with the queries that read it: given back when it is saved and nobody reads. */
export class PooledTable {
  readonly table: SpanTable;
  readonly #pool: TablePool;
  #readers = 0;
  #saved = false;
  #tainted = false;

  constructor(pool: TablePool) {
    this.#pool = pool;
    this.table = pool.take();
  }

  /** Counts a reader; call the result once with whether it is certain that the reading has ended. */
  read(): (ended: boolean) => void {
    this.#readers++;
    return (ended) => {
      this.#readers--;
      // A thread may still be at it: the table is left to the collector.
      if (!ended) this.#tainted = true;
      this.#settle();
    };
  }

  /** Its spans are elsewhere now. */
  saved(): void {
    this.#saved = true;
    this.#settle();
  }

  #settle(): void {
    if (this.#saved && this.#readers === 0 && !this.#tainted) this.#pool.give(this.table);
  }
}
