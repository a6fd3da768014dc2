import { hex } from '@vivace/base';
import { ID_BYTES, idAt } from '../copies/id-range.ts';
import type { IdRange } from '../copies/id-range.ts';
import { blockPieces, openPieces } from '../copies/pieces.ts';
import { TraceNumbers } from '../copies/trace-numbers.ts';
import type { JobSources } from '../jobs.ts';
import type { BlockReaders } from '../open-sources.ts';

/** The traces in some blocks. */
export interface StoredIds {
  readonly numbers: TraceNumbers;
  /** Ids of those that lie in several of them. */
  readonly spread: readonly Uint8Array[];
  /** What `alsoStored` has found of lists that are still there. */
  readonly asked: WeakMap<Uint8Array, readonly Uint8Array[]>;
}

const BYTES_PER_TRACE = 32;

/** Blocks never change, so the thread keeps what it found out about a set of them. */
export async function storedIds(sources: JobSources, range: IdRange, readers: BlockReaders, signal: AbortSignal): Promise<StoredIds> {
  const key = `${blocksKey(sources)} ids ${range.from ? hex(range.from) : ''} ${range.to ? hex(range.to) : ''}`;
  const known = readers.parts.get(key) as StoredIds | undefined;
  if (known) return known;
  const pieces = await openPieces(await blockPieces(sources, readers, range, signal), range, signal);
  const total = pieces.reduce((n, { from, to }) => n + to - from, 0);
  const numbers = new TraceNumbers(total);
  const blocks = new Uint32Array(total);
  const spread: Uint8Array[] = [];
  for (const { ids, from, to } of pieces) {
    const traces = numbers.add(ids, from, to);
    for (let i = 0; i < traces.length; i++) if (++blocks[traces[i]] === 2) spread.push(idAt(ids, from + i).slice());
    signal.throwIfAborted();
  }
  const found = { numbers, spread, asked: new WeakMap<Uint8Array, readonly Uint8Array[]>() };
  readers.parts.set(key, found, total * BYTES_PER_TRACE + spread.length * ID_BYTES);
  return found;
}

/** Those of `ids` that blocks have too. Remembered for the list as long as it is in memory, so it must not change. */
export function alsoStored(ids: Uint8Array, { numbers, asked }: StoredIds): readonly Uint8Array[] {
  let found = asked.get(ids);
  if (!found) {
    const traces = numbers.find(ids);
    const both: Uint8Array[] = [];
    for (let i = 0; i < traces.length; i++) if (traces[i] >= 0) both.push(idAt(ids, i));
    asked.set(ids, (found = both));
  }
  return found;
}

/** Tells sets of blocks apart. */
export function blocksKey({ tenant, blocks }: JobSources): string {
  return `${tenant} ${blocks.map(({ meta }) => meta.blockId).join(' ')}`;
}
