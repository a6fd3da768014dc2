import type { BlockReader } from '@vivace/block';
import type { SpanColumns } from '@vivace/trace';
import type { JobSources } from './jobs.ts';
import type { PartCache } from './recent-batches.ts';
import { openRecent } from './recent-batches.ts';

/** Opens (and keeps) the readers of blocks for one worker thread. */
export interface BlockReaders {
  /** What this thread keeps of parts. */
  readonly parts: PartCache;
  readonly betweenWork?: (() => void) | undefined;
  open(sources: JobSources, block: JobSources['blocks'][number]): Promise<BlockReader>;
}

/** Runs `use` over all batches of a job, recent data first, and closes part files afterwards, whatever happens. */
export async function withBatches<T>(sources: JobSources, readers: BlockReaders, use: (batches: AsyncIterable<SpanColumns>) => Promise<T>): Promise<T> {
  const recent = openRecent(sources.tables, sources.parts, readers.parts);
  try {
    return await use(batchesOf(recent.batches, sources, readers));
  } finally {
    recent.close();
    readers.betweenWork?.();
  }
}

async function* batchesOf(recent: readonly SpanColumns[], sources: JobSources, readers: BlockReaders): AsyncGenerator<SpanColumns> {
  yield* recent;
  for (const slice of sources.blocks) {
    const reader = await readers.open(sources, slice);
    for (let group = slice.from; group < slice.to; group++) yield reader.columns(group);
  }
}
