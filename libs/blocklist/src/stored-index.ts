import { AppError } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import type { ObjectStore } from '@vivace/object-store';
import { decodeIndexJson, decodeIndexProto, encodeIndexJson, encodeIndexProto, INDEX_JSON, INDEX_PROTO } from './tenant-index.ts';
import type { TenantIndex } from './tenant-index.ts';

/** The protobuf index, or the JSON one where there is none. Rejects `not_found` when there is neither, `data_loss` when it cannot be read. */
export async function readIndex(store: ObjectStore, tenant: TenantId, onBad: (error: unknown) => void, signal: AbortSignal): Promise<TenantIndex> {
  const proto = `${tenant}/${INDEX_PROTO}`;
  try {
    return decodeIndexProto(await store.get(proto, signal), proto, onBad);
  } catch (reason) {
    if (!(reason instanceof AppError) || reason.code !== 'not_found') throw reason;
  }
  const json = `${tenant}/${INDEX_JSON}`;
  return decodeIndexJson(await store.get(json, signal), json, onBad);
}

/** The JSON one first: who finds the new protobuf one must not find an older JSON one instead, should the first be taken away. */
export async function writeIndex(store: ObjectStore, tenant: TenantId, index: TenantIndex, signal: AbortSignal): Promise<void> {
  await store.put(`${tenant}/${INDEX_JSON}`, encodeIndexJson(index), signal);
  await store.put(`${tenant}/${INDEX_PROTO}`, encodeIndexProto(index), signal);
}

export async function removeIndex(store: ObjectStore, tenant: TenantId, signal: AbortSignal): Promise<void> {
  await store.delete(`${tenant}/${INDEX_PROTO}`, signal);
  await store.delete(`${tenant}/${INDEX_JSON}`, signal);
}
