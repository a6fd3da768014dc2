import type { BlockMeta } from '@vivace/block';
import type { TenantBlocks } from './visible-blocks.ts';

export interface Division {
  /** Of which something in question lies nowhere else. */
  readonly blocks: readonly BlockMeta[];
  /** The other blocks, and those that they were made of. */
  readonly elsewhere: ReadonlySet<string>;
}

/**
 * Leaves out the blocks of which everything in question lies in the blocks `held` too: those themselves, and those made of nothing but such, and of blocks that would not be asked had they not been
 * merged (`isInRange`).
 */
export function divideHeld(
  { live, compacted }: TenantBlocks,
  blocks: readonly BlockMeta[],
  held: ReadonlySet<string>,
  isInRange: (meta: BlockMeta) => boolean,
): Division {
  const metaOf = (id: string): BlockMeta | undefined => live.get(id) ?? compacted.get(id)?.meta;
  const isElsewhere = (id: string): boolean => {
    if (held.has(id)) return true;
    const meta = metaOf(id);
    if (!meta) return false;
    return !isInRange(meta) || (meta.compactedFrom.length > 0 && meta.compactedFrom.every(isElsewhere));
  };
  const elsewhere = new Set<string>();
  const add = (id: string): void => {
    elsewhere.add(id);
    for (const source of metaOf(id)?.compactedFrom ?? []) add(source);
  };
  const left: BlockMeta[] = [];
  for (const meta of blocks) {
    if (isElsewhere(meta.blockId)) add(meta.blockId);
    else left.push(meta);
  }
  return { blocks: left, elsewhere };
}
