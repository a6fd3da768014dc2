import type { TenantId } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';

export interface SelectOptions {
  /** `compactor.compaction.compaction_window`: blocks that end in one window are merged. */
  readonly windowMs: number;
  /** `compactor.compaction.max_compaction_objects`: traces of a merged block. */
  readonly maxTraces: number;
  /** `compactor.compaction.max_block_bytes` */
  readonly maxBytes: number;
  readonly nowMs: number;
}

/** Blocks that shall become one. */
export interface CompactionJob {
  /** Who owns it in the ring: equal for all jobs of a tenant that could take the same blocks. */
  readonly key: string;
  /** At least two, oldest first. */
  readonly inputs: readonly BlockMeta[];
}

const MAX_INPUTS = 4;
/** Within it blocks of one level only are merged, so that a span is rewritten a few times at most while its window still grows. */
const ACTIVE_MS = 24 * 3_600_000;

/**
 * What to merge, in the order it should be done: newest windows and lowest levels first, for these have the most copies and the most queries. Each block is in one job at
 * most. Only blocks alike are merged: window, replication factor, dedicated columns and, in the last day, level. The window that is a day old is left alone, because two
 * compactors may not agree on which side of the line it is. In the window of now a job waits until it is full: each span is then written again once, not three times.
 */
export function selectJobs(tenant: TenantId, blocks: Iterable<BlockMeta>, options: SelectOptions): CompactionJob[] {
  const { windowMs, nowMs } = options;
  const groups = new Map<
    string,
    { readonly rank: readonly [number, number, number]; readonly isOpen: boolean; readonly key: string; readonly blocks: BlockMeta[] }
  >();
  const windowNow = Math.floor(nowMs / windowMs);
  const activeWindows = Math.floor(ACTIVE_MS / windowMs);
  for (const meta of blocks) {
    const window = Math.floor(meta.endMs / windowMs);
    const age = windowNow - window;
    if (age === activeWindows) continue;
    const isActive = age < activeWindows;
    const key = [tenant, ...(isActive ? [meta.compactionLevel] : []), window, meta.replicationFactor].join('-');
    const alike = `${key} ${JSON.stringify(meta.dedicatedColumns)}`;
    let group = groups.get(alike);
    if (!group) groups.set(alike, (group = { rank: [isActive ? 0 : 1, isActive ? meta.compactionLevel : 0, -window], isOpen: age <= 0, key, blocks: [] }));
    group.blocks.push(meta);
  }
  return [...groups.values()]
    .sort((a, b) => compareRanks(a.rank, b.rank) || (a.key < b.key ? -1 : 1))
    .flatMap(({ key, isOpen, blocks: alike }) =>
      runs(alike, options)
        .filter((inputs) => !isOpen || inputs.length === MAX_INPUTS)
        .map((inputs) => ({ key, inputs: inputs.sort(oldestFirst) })),
    );
}

/** Small blocks first: they gain most. A run ends where one more block would be too much. */
function runs(blocks: BlockMeta[], { maxTraces, maxBytes }: SelectOptions): BlockMeta[][] {
  const sorted = [...blocks].sort((a, b) => a.totalObjects - b.totalObjects || (a.blockId < b.blockId ? -1 : 1));
  const out: BlockMeta[][] = [];
  let run: BlockMeta[] = [];
  let traces = 0;
  let bytes = 0;
  const close = (): void => {
    if (run.length > 1) out.push(run);
    run = [];
    traces = 0;
    bytes = 0;
  };
  for (const meta of sorted) {
    if (run.length === MAX_INPUTS || traces + meta.totalObjects > maxTraces || bytes + meta.size > maxBytes) close();
    run.push(meta);
    traces += meta.totalObjects;
    bytes += meta.size;
  }
  close();
  return out;
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

function oldestFirst(a: BlockMeta, b: BlockMeta): number {
  return a.endMs - b.endMs || (a.blockId < b.blockId ? -1 : 1);
}
