import fs from 'node:fs/promises';
import path from 'node:path';
import type { BlockId, TenantId } from '@vivace/base';
import type { ObjectStore } from '@vivace/object-store';

/** Where one block is made before it goes to the store. */
export interface StagedBlock {
  readonly dir: string;
  file(name: string): string;
  /** Removes the folder, and from the store what was put of a block that did not become live. */
  end(store: ObjectStore): Promise<void>;
}

/** Local folder for blocks in the making: `<dir>/<tenant>/<block>`. What lies there at a start belongs to a process that died. */
export interface StagingFolder {
  begin(tenant: TenantId, blockId: BlockId): Promise<StagedBlock>;
  /** Settles what an earlier process left. */
  recover(store: ObjectStore): Promise<void>;
}

export function openStaging(dir: string): StagingFolder {
  const staged = (tenant: string, blockId: string): StagedBlock => {
    const folder = path.join(dir, tenant, blockId);
    return {
      dir: folder,
      file: (name) => path.join(folder, name),
      async end(store) {
        if (
          (await store.stat(`${tenant}/${blockId}/meta.json`)) === undefined &&
          (await store.stat(`${tenant}/${blockId}/meta.compacted.json`)) === undefined
        ) {
          for (const { key } of await store.list(`${tenant}/${blockId}/`)) await store.delete(key);
        }
        await fs.rm(folder, { recursive: true, force: true });
      },
    };
  };
  return {
    async begin(tenant, blockId) {
      const block = staged(tenant, blockId);
      await fs.mkdir(block.dir, { recursive: true });
      return block;
    },
    async recover(store) {
      for (const tenant of await folders(dir)) {
        for (const blockId of await folders(path.join(dir, tenant))) await staged(tenant, blockId).end(store);
      }
    },
  };
}

async function folders(dir: string): Promise<string[]> {
  await fs.mkdir(dir, { recursive: true });
  return (await fs.readdir(dir, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
