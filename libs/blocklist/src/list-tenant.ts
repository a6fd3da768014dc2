import { AppError } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import { isReadable, parseBlockMeta } from '@vivace/block';
import type { BlockMeta } from '@vivace/block';
import type { ObjectStore } from '@vivace/object-store';
import { mapBounded } from './map-bounded.ts';
import type { CompactedBlock } from './tenant-index.ts';
import type { TenantBlocks } from './visible-blocks.ts';

export interface ListTenantOptions {
  readonly store: ObjectStore;
  readonly tenant: TenantId;
  /** What an earlier listing gave: a meta is read once, for a block never changes. */
  readonly known: TenantBlocks;
  /** Metas read at once. */
  readonly concurrency: number;
  /** A block whose meta cannot be read. It is left out, the others are listed. */
  readonly onBad: (blockId: string, error: unknown) => void;
  readonly signal: AbortSignal;
}

const META = 'meta.json';
const COMPACTED = 'meta.compacted.json';
const KEY = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\/(meta\.json|meta\.compacted\.json)$/;

/** Lists a tenant's folder in one go and reads the metas not known yet. A block marked as compacted is so even while its meta.json is still there. */
export async function listTenant({ store, tenant, known, concurrency, onBad, signal }: ListTenantOptions): Promise<TenantBlocks> {
  const prefix = `${tenant}/`;
  const isLive = new Set<string>();
  const compactedMs = new Map<string, number>();
  for (const { key, modifiedMs } of await store.listTree(prefix, (key) => KEY.test(key.slice(prefix.length)), signal)) {
    const [, id, file] = KEY.exec(key.slice(prefix.length)) ?? [];
    if (file === META) isLive.add(id);
    else if (file === COMPACTED) compactedMs.set(id, modifiedMs);
  }
  const live = new Map<string, BlockMeta>();
  const compacted = new Map<string, CompactedBlock>();
  await mapBounded([...new Set([...isLive, ...compactedMs.keys()])], concurrency, async (id) => {
    const at = compactedMs.get(id);
    try {
      const meta =
        known.live.get(id) ?? known.compacted.get(id)?.meta ?? (await readMeta(store, `${prefix}${id}/${at === undefined ? META : COMPACTED}`, signal));
      if (meta && at === undefined) live.set(id, meta);
      else if (meta && at !== undefined) compacted.set(id, { meta, compactedMs: at });
    } catch (reason) {
      if (signal.aborted) throw reason;
      onBad(id, reason);
    }
  });
  return { live, compacted };
}

/** Undefined when it has gone since it was listed. */
async function readMeta(store: ObjectStore, key: string, signal: AbortSignal): Promise<BlockMeta | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await store.get(key, signal);
  } catch (reason) {
    if (reason instanceof AppError && reason.code === 'not_found') return undefined;
    throw reason;
  }
  const meta = parseBlockMeta(new TextDecoder().decode(bytes), key);
  if (!isReadable(meta)) throw new AppError('unimplemented', `${key}: format ${JSON.stringify(meta.format)} cannot be read, want vParquet4`);
  return meta;
}
