// Parts of blocks that are in the store already, kept for queries until every querier must have heard of the block: `<dir>/<tenant>/<block>/<part>`.
import fs from 'node:fs/promises';
import path from 'node:path';
import { parseTenantId } from '@vivace/base';
import type { BlockId, TenantId } from '@vivace/base';

/** The parts of one stored block. */
export interface KeptBlock {
  readonly blockId: BlockId;
  readonly parts: readonly string[];
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
}

/** Hard links: no byte is copied. Done again after a failure it does no harm. */
export async function keepParts(dir: string, tenant: TenantId, blockId: BlockId, parts: readonly string[]): Promise<string[]> {
  const folder = path.join(dir, tenant, blockId);
  await fs.rm(folder, { recursive: true, force: true });
  await fs.mkdir(folder, { recursive: true });
  const kept = parts.map((part) => path.join(folder, path.basename(part)));
  for (const [i, part] of parts.entries()) await fs.link(part, kept[i]);
  return kept;
}

export async function dropKept(dir: string, tenant: TenantId, blockId: BlockId): Promise<void> {
  await fs.rm(path.join(dir, tenant, blockId), { recursive: true, force: true });
}

/** What an earlier run kept, so that a restart opens no gap. */
export async function recoverKept(dir: string): Promise<Map<TenantId, KeptBlock[]>> {
  const found = new Map<TenantId, KeptBlock[]>();
  await fs.mkdir(dir, { recursive: true });
  for (const name of await fs.readdir(dir)) {
    const tenant = parseTenantId(name);
    if (!tenant) continue;
    const blocks: KeptBlock[] = [];
    for (const blockId of await fs.readdir(path.join(dir, name))) {
      const folder = path.join(dir, name, blockId);
      const parts = (await fs.readdir(folder)).sort().map((part) => path.join(folder, part));
      blocks.push({ blockId: blockId as BlockId, parts, sinceMs: (await fs.stat(folder)).mtimeMs });
    }
    if (blocks.length > 0) found.set(tenant, blocks);
  }
  return found;
}
