import type { BlockReader } from '@vivace/block';
import type { SpanColumns } from '@vivace/trace';
import { distinctBatches } from './copies/distinct-batches.ts';
import { onlyTraces } from './copies/only-traces.ts';
import { blockPieces, openPieces, rangeOf, recentPieces } from './copies/pieces.ts';
import type { JobSources } from './jobs.ts';
import type { PartCache, RecentBatches } from './recent-batches.ts';
import { openRecent } from './recent-batches.ts';
import { unitedBatch } from './spread/united-batch.ts';

/** Opens (and keeps) the readers of blocks for one worker thread. */
export interface BlockReaders {
  /** What this thread keeps of parts. */
  readonly parts: PartCache;
  readonly betweenWork?: (() => void) | undefined;
  open(sources: JobSources, block: JobSources['blocks'][number]): Promise<BlockReader>;
}

/** Runs `use` over all batches of a job, recent data first, and closes part files afterwards, whatever happens. */
export async function withBatches<T>(
  sources: JobSources,
  readers: BlockReaders,
  signal: AbortSignal,
  use: (batches: AsyncIterable<SpanColumns>) => Promise<T>,
): Promise<T> {
  return withRecent(sources, readers, (recent) => use(batchesFor(sources)(recent, sources, readers, signal)));
}

function batchesFor(sources: JobSources): typeof batchesOf {
  if (sources.united) return unitedBatch;
  return isDistinct(sources) ? distinct : batchesOf;
}

/** The same for what only recent data is asked. */
export async function withRecent<T>(sources: JobSources, readers: BlockReaders, use: (recent: RecentBatches) => Promise<T>): Promise<T> {
  const recent = openRecent(sources.tables, sources.parts, readers.parts, sources.range);
  try {
    return await use(recent);
  } finally {
    recent.close();
    readers.betweenWork?.();
  }
}

function isDistinct({ share, range, only }: JobSources): boolean {
  return only === undefined && (share !== undefined || range !== undefined);
}

async function* batchesOf(recent: RecentBatches, sources: JobSources, readers: BlockReaders, signal: AbortSignal): AsyncGenerator<SpanColumns> {
  const { only } = sources;
  if (only) yield* await onlyTraces(recent.batches, only, signal);
  else yield* recent.batches;
  for (const slice of sources.blocks) {
    const reader = await readers.open(sources, slice);
    for (let group = slice.from; group < slice.to; group++) yield reader.columns(group);
  }
}

/** Each span once, though it may lie in several places. */
async function* distinct(recent: RecentBatches, sources: JobSources, readers: BlockReaders, signal: AbortSignal): AsyncGenerator<SpanColumns> {
  const range = await rangeOf(sources, readers, signal);
  const pieces = [...recentPieces(recent, signal), ...(await blockPieces(sources, readers, range, signal))];
  yield* await distinctBatches(await openPieces(pieces, range, signal));
}
