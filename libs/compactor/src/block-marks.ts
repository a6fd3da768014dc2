import { AppError } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import type { ObjectStore } from '@vivace/object-store';

const META = 'meta.json';
const COMPACTED = 'meta.compacted.json';
/** Somebody else's wish that a block be left alone (docs/format/block.md). */
const HELD = 'nocompact.flg';

/** Turns `meta.json` into `meta.compacted.json`. Idempotent; dies between the two steps without harm, because a block that has both counts as compacted. */
export async function markCompacted(store: ObjectStore, tenant: TenantId, blockId: string): Promise<void> {
  const folder = `${tenant}/${blockId}/`;
  let meta: Uint8Array;
  try {
    meta = await store.get(`${folder}${META}`);
  } catch (reason) {
    if (reason instanceof AppError && reason.code === 'not_found') return;
    throw reason;
  }
  if ((await store.stat(`${folder}${COMPACTED}`)) === undefined) await store.put(`${folder}${COMPACTED}`, meta);
  await store.delete(`${folder}${META}`);
}

/** Removes a compacted block. Its mark goes last: until then it is known and can be removed again. */
export async function deleteBlock(store: ObjectStore, tenant: TenantId, blockId: string): Promise<void> {
  const folder = `${tenant}/${blockId}/`;
  for (const { key } of await store.list(folder)) if (key !== `${folder}${COMPACTED}`) await store.delete(key);
  await store.delete(`${folder}${COMPACTED}`);
}

export async function isHeld(store: ObjectStore, tenant: TenantId, blockId: string): Promise<boolean> {
  return (await store.stat(`${tenant}/${blockId}/${HELD}`)) !== undefined;
}
