import { orderByTrace, SpanTable, TableColumns, TraceAppender } from '@vivace/trace';
import type { SpanColumns } from '@vivace/trace';
import { ID_BYTES, idAt } from '../copies/id-range.ts';
import { blockPieces, inTurns, openPieces } from '../copies/pieces.ts';
import { TraceNumbers } from '../copies/trace-numbers.ts';
import { blocksKey } from './stored-ids.ts';
import type { JobSources } from '../jobs.ts';
import type { BlockReaders } from '../open-sources.ts';
import type { RecentBatches } from '../recent-batches.ts';

/** So few traces are looked up one by one; for more the ids of whole blocks are read. */
const FEW = 64;
/** What a span takes in a table, with attributes, about. */
const BYTES_PER_SPAN = 400;

/** Traces put together from blocks. */
interface Stored {
  readonly table: SpanTable;
  readonly columns: TableColumns;
}

/** The traces `sources.united`, each whole, with every span once. What blocks have of them stays with the thread. */
export async function* unitedBatch(recent: RecentBatches, sources: JobSources, readers: BlockReaders, signal: AbortSignal): AsyncGenerator<SpanColumns> {
  const ids = sources.united ?? new Uint8Array(0);
  const stored = await storedTraces(ids, sources, readers, signal);
  const whole = new SpanTable();
  // Newest first, as in `openRecent`.
  for (let at = 0; at < ids.length; at += ID_BYTES) recent.append(ids.subarray(at, at + ID_BYTES), whole);
  if (whole.spanCount > 0) {
    new TraceAppender(stored.table, whole).append(orderByTrace(stored.table));
    yield new TableColumns(whole);
  } else if (stored.table.spanCount > 0) yield stored.columns;
}

async function storedTraces(ids: Uint8Array, sources: JobSources, readers: BlockReaders, signal: AbortSignal): Promise<Stored> {
  const key = `${blocksKey(sources)} united ${Buffer.from(ids).toString('base64')}`;
  const known = readers.parts.get(key) as Stored | undefined;
  if (known) return known;
  const table = new SpanTable();
  if (ids.length / ID_BYTES <= FEW) await appendFew(ids, table, sources, readers, signal);
  else await appendMany(ids, table, sources, readers, signal);
  const stored = { table, columns: new TableColumns(table) };
  readers.parts.set(key, stored, ids.length + table.spanCount * BYTES_PER_SPAN);
  return stored;
}

async function appendFew(ids: Uint8Array, table: SpanTable, sources: JobSources, readers: BlockReaders, signal: AbortSignal): Promise<void> {
  const found = await inTurns(sources.blocks, async (slice) => {
    const reader = await readers.open(sources, slice);
    const traces: SpanTable[] = [];
    for (let i = 0; i < ids.length / ID_BYTES; i++) {
      const trace = await reader.findTrace(idAt(ids, i), signal);
      if (trace) traces.push(trace);
    }
    return traces;
  });
  for (const trace of found.flat()) new TraceAppender(trace, table).append(orderByTrace(trace));
}

async function appendMany(ids: Uint8Array, table: SpanTable, sources: JobSources, readers: BlockReaders, signal: AbortSignal): Promise<void> {
  const wanted = new TraceNumbers(ids.length / ID_BYTES);
  wanted.add(ids);
  for (const piece of await openPieces(await blockPieces(sources, readers, {}, signal), {}, signal)) {
    const numbers = wanted.find(piece.ids);
    const rows = new Uint32Array(numbers.length);
    let n = 0;
    for (let row = 0; row < numbers.length; row++) if (numbers[row] >= 0) rows[n++] = row;
    if (n > 0) await piece.append(rows.slice(0, n), table);
  }
}
