import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { MemoryObjectStore } from '@vivace/object-store';
import type { BlockMeta } from '../meta.ts';
import { parseBlockMeta } from '../meta.ts';

/** Blocks written by a real Tempo (testdata/block). */
export const SAMPLES = fileURLToPath(new URL('../../../../testdata/block/', import.meta.url));
export const SAMPLE_TENANT = 'single-tenant';
export const SAMPLE_BLOCK = '1dbe6a53-77f6-4d73-a797-5217b31e5123';
/** Level 2: sample-block and a chain of one-trace blocks compacted together. */
export const COMPACTED_BLOCK = 'c757c6cb-239a-45c0-9646-2dc43e447452';

export interface SampleBlock {
  readonly store: MemoryObjectStore;
  readonly tenant: string;
  readonly meta: BlockMeta;
}

/** A block of `folder` (`sample-block`, `sample-compacted`, …) in a store of its own. */
export async function sampleBlock(folder: string, block: string): Promise<SampleBlock> {
  const path = `${SAMPLES}${folder}/${SAMPLE_TENANT}/${block}/`;
  const store = new MemoryObjectStore();
  for (const name of await readdir(path)) await store.put(`${SAMPLE_TENANT}/${block}/${name}`, await readFile(path + name));
  const name = (await readdir(path)).includes('meta.json') ? 'meta.json' : 'meta.compacted.json';
  return { store, tenant: SAMPLE_TENANT, meta: parseBlockMeta(await readFile(path + name, 'utf8'), name) };
}
