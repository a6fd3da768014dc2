import { eachId, ID_BYTES, idAt, joinIds, rowsInRange, sortedIds } from '../copies/id-range.ts';
import type { IdRange } from '../copies/id-range.ts';
import { inTurns, rangeOf } from '../copies/pieces.ts';
import { TraceNumbers } from '../copies/trace-numbers.ts';
import type { HeldIdsJob, KnownTraces, SpreadJob } from '../jobs.ts';
import { withRecent } from '../open-sources.ts';
import type { BlockReaders } from '../open-sources.ts';
import type { RecentBatches } from '../recent-batches.ts';
import { alsoStored, storedIds } from './stored-ids.ts';

/** What lies in one place only costs a look into the bloom filters of the blocks of its time, or of a query about all traces a look at its id, once. */
export function findSpread(job: SpreadJob, readers: BlockReaders, signal: AbortSignal): Promise<Uint8Array> {
  return withRecent(job.sources, readers, (recent) =>
    job.traces ? spreadAmong(job.traces, job, recent, readers, signal) : allSpread(job, recent, readers, signal),
  );
}

export function heldIds({ sources }: HeldIdsJob, readers: BlockReaders): Promise<Uint8Array> {
  return withRecent(sources, readers, async (recent) => {
    const { only, range = {} } = sources;
    return joinIds(only ? eachId(only).filter((id) => recent.has(id)) : idsInRange(recent, range));
  });
}

async function spreadAmong(
  { ids, startMs, endMs }: KnownTraces,
  { sources, places, holders = [] }: SpreadJob,
  recent: RecentBatches,
  readers: BlockReaders,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const traces = eachId(ids);
  const found = Uint32Array.from(traces, (id) => (recent.has(id) ? 1 : 0));
  const numbers = new TraceNumbers(traces.length);
  numbers.add(ids);
  for (const held of holders) for (const trace of numbers.find(held)) if (trace >= 0) found[trace]++;
  const blocks = await inTurns(sources.blocks, async (slice) => {
    const reader = await readers.open(sources, slice);
    const { startMs: from, endMs: to } = slice.meta;
    const maybe: number[] = [];
    for (const [i, id] of traces.entries()) if (startMs[i] <= to && endMs[i] >= from && (await reader.mayHaveTrace(id, signal))) maybe.push(i);
    return { reader, maybe };
  });
  const most = found.slice();
  for (const { maybe } of blocks) for (const i of maybe) most[i]++;
  // Bloom filters are sometimes wrong.
  for (const { reader, maybe } of blocks) {
    for (const i of maybe) if (most[i] >= places && found[i] < places && (await reader.hasTrace(traces[i], signal))) found[i]++;
  }
  return joinIds(traces.filter((_, i) => found[i] >= places));
}

async function allSpread({ sources, holders = [] }: SpreadJob, recent: RecentBatches, readers: BlockReaders, signal: AbortSignal): Promise<Uint8Array> {
  const range = await rangeOf(sources, readers, signal);
  const stored = await storedIds(sources, range, readers, signal);
  const places = [idsInRange(recent, range), ...holders.map((ids) => [ids])].filter((lists) => lists.length > 0);
  return sortedIds([...stored.spread, ...places.flat().flatMap((ids) => alsoStored(ids, stored)), ...inSeveral(places)]);
}

/** The ids that lists of several places have. */
function inSeveral(places: readonly (readonly Uint8Array[])[]): Uint8Array[] {
  if (places.length < 2) return [];
  const total = places.flat().reduce((n, ids) => n + ids.length / ID_BYTES, 0);
  const numbers = new TraceNumbers(total);
  /** Of each trace the number + 1 of the first place that has it. */
  const placeOf = new Uint32Array(total);
  const found: Uint8Array[] = [];
  for (const [p, lists] of places.entries()) {
    for (const ids of lists) {
      for (const [i, trace] of numbers.add(ids).entries()) {
        if (placeOf[trace] === 0) placeOf[trace] = p + 1;
        else if (placeOf[trace] !== p + 1) found.push(idAt(ids, i));
      }
    }
  }
  return found;
}

function idsInRange(recent: RecentBatches, range: IdRange): readonly Uint8Array[] {
  if (!range.from && !range.to) return recent.ids();
  return recent.ids().map((ids) => {
    const [from, to] = rowsInRange(ids, range);
    return ids.subarray(from * ID_BYTES, to * ID_BYTES);
  });
}
