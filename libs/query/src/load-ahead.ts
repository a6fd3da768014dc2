import { setImmediate } from 'node:timers/promises';
import type { ColumnNeeds, SpanColumns } from '@vivace/trace';

export type Batches = Iterable<SpanColumns> | AsyncIterable<SpanColumns>;

export interface LoadedBatch {
  readonly columns: SpanColumns;
  /** What `columns.inspectedBytes` was before. */
  readonly bytesBefore: number;
}

interface Loading {
  readonly batch: LoadedBatch;
  readonly done: Promise<void>;
  isDone: boolean;
  /** It was waited for a turn of the event loop: what is at hand is there by then. */
  isAwaited: boolean;
}

/** Batches being fetched while another is evaluated: hides the latency of an object store, bounds memory. */
const BATCHES_AHEAD = 2;
/** Where what is loaded is small. */
export const MANY_AHEAD = 16;

/**
 * The batches in their order, each with `needs` loaded. While one waits for the store, the next ones load too; not while one is evaluated that was at hand, since after
 * that the next may not be wanted any more: a search repeated would read again each time what it found not to need. Rejects with the first failure in that order.
 * When the consumer stops early, `batches` is told so and loads under way are left to end by themselves.
 */
export async function* loadAhead(batches: Batches, needs: ColumnNeeds, signal: AbortSignal | undefined, ahead = BATCHES_AHEAD): AsyncGenerator<LoadedBatch> {
  const source = Symbol.asyncIterator in batches ? batches[Symbol.asyncIterator]() : batches[Symbol.iterator]();
  const loading: Loading[] = [];
  let isOver = false;
  try {
    for (;;) {
      while (!isOver && loading.length <= ahead && !(await isAtHand(loading[0]))) {
        signal?.throwIfAborted();
        const next = await source.next();
        if (next.done) isOver = true;
        else {
          const columns = next.value;
          const bytesBefore = columns.inspectedBytes;
          const done = columns.load(needs, signal);
          const load: Loading = { batch: { columns, bytesBefore }, done, isDone: false, isAwaited: false };
          // A failure is reported when its turn comes; until then it must not count as unhandled.
          done.then(
            () => (load.isDone = true),
            () => undefined,
          );
          loading.push(load);
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

/** Whether a load ends at once, since nothing has to be fetched. */
async function isAtHand(load: Loading | undefined): Promise<boolean> {
  if (load === undefined) return false;
  if (!load.isDone && !load.isAwaited) {
    load.isAwaited = true;
    await setImmediate();
  }
  return load.isDone && load.batch.columns.inspectedBytes === load.batch.bytesBefore;
}
