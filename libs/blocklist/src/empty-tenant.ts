import type { TenantId } from '@vivace/base';
import type { ObjectStore } from '@vivace/object-store';

/** Of a block, without its metas; or an index. */
const LEFTOVER = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\/(?!meta\.)[^/]+|index\.json\.gz|index\.pb\.zst)$/;

/**
 * Deletes what is left of a tenant that has no blocks, and how much that was: of blocks that were never finished, or not deleted whole. Nothing when anything is younger than `olderThanMs` (milliseconds
 * since the epoch), for it may be a block that is being written; and nothing when there is anything else: metas, whether they can be read or not, or files of somebody else's.
 */
export async function deleteEmptyTenant(store: ObjectStore, tenant: TenantId, olderThanMs: number, signal: AbortSignal): Promise<number> {
  const prefix = `${tenant}/`;
  const objects = await store.listTree(prefix, () => true, signal);
  if (objects.some(({ key, modifiedMs }) => modifiedMs > olderThanMs || !LEFTOVER.test(key.slice(prefix.length)))) return 0;
  for (const { key } of objects) await store.delete(key, signal);
  return objects.length;
}
