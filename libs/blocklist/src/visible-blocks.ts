import type { BlockMeta } from '@vivace/block';
import type { CompactedBlock } from './tenant-index.ts';

/** All that is known of a tenant's blocks. */
export interface TenantBlocks {
  readonly live: ReadonlyMap<string, BlockMeta>;
  readonly compacted: ReadonlyMap<string, CompactedBlock>;
}

/**
 * The blocks to ask so that every span is asked and, where we compacted, none twice. A listing is not a snapshot: it may show that a block is compacted and not yet
 * the one that took its place, or both alive. So a block is left out when another that is known names it as its source, and a
 * compacted one that none names (Tempo's do not) only once `graceMs` have passed.
 */
export function visibleBlocks({ live, compacted }: TenantBlocks, nowMs: number, graceMs: number): BlockMeta[] {
  const replaced = new Set<string>();
  for (const meta of live.values()) for (const id of meta.compactedFrom) replaced.add(id);
  for (const { meta } of compacted.values()) for (const id of meta.compactedFrom) replaced.add(id);
  const out: BlockMeta[] = [];
  for (const meta of live.values()) if (!replaced.has(meta.blockId)) out.push(meta);
  for (const { meta, compactedMs } of compacted.values()) if (!replaced.has(meta.blockId) && nowMs - compactedMs < graceMs) out.push(meta);
  return out;
}
