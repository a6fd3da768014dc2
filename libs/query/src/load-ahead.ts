import type { ColumnNeeds, SpanColumns } from '@vivace/trace';

export type Batches = Iterable<SpanColumns> | AsyncIterable<SpanColumns>;

export interface LoadedBatch {
  readonly columns: SpanColumns;
  /** What `columns.inspectedBytes` was before. */
  readonly bytesBefore: number;
}

/** Batches being fetched while another is evaluated: hides the latency of an object store, bounds memory. */
const BATCHES_AHEAD = 2;
/** Where what is loaded is small. */
export const MANY_AHEAD = 16;

/**
 * The batches in their order, each with `needs` loaded; the next ones load meanwhile. Rejects with the first failure in that order.
 * When the consumer stops early, `batches` is told so and loads under way are left to end by themselves.
 */
export async function* loadAhead(batches: Batches, needs: ColumnNeeds, signal: AbortSignal | undefined, ahead = BATCHES_AHEAD): AsyncGenerator<LoadedBatch> {
  const source = Symbol.asyncIterator in batches ? batches[Symbol.asyncIterator]() : batches[Symbol.iterator]();
  const loading: { readonly batch: LoadedBatch; readonly done: Promise<void> }[] = [];
  let isOver = false;
  try {
    for (;;) {
      while (!isOver && loading.length <= ahead) {
        signal?.throwIfAborted();
        const next = await source.next();
        if (next.done) isOver = true;
        else {
          const columns = next.value;
          const bytesBefore = columns.inspectedBytes;
          const done = columns.load(needs, signal);
          // A failure is reported when its turn comes; until then it must not count as unhandled.
          done.catch(() => undefined);
          loading.push({ batch: { columns, bytesBefore }, done });
        }
      }
      const first = loading.shift();
      if (!first) return;
      await first.done;
      yield first.batch;
    }
  } finally {
    if (!isOver) await source.return?.();
  }
}
