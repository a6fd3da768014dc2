import { mkdtemp, readdir, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalObjectStore } from './local-object-store.ts';
import { objectStoreContract } from './object-store.contract.ts';

objectStoreContract('local', (path) => new LocalObjectStore({ path, maxOpenFiles: 2 }));

describe('LocalObjectStore', () => {
  let path: string;
  let store: LocalObjectStore;
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'local-store-'));
    store = new LocalObjectStore({ path, maxOpenFiles: 3 });
  });
  afterEach(async () => {
    await store.close();
    await rm(path, { recursive: true, force: true });
  });

  it('leaves no temporary files and hides those of a crashed writer', async () => {
    await store.put('t/k', new Uint8Array(3));
    await writeFile(join(path, 't', '.tmp-left-behind'), 'half');
    expect((await store.list('t/')).map((e) => e.key)).toEqual(['t/k']);
    expect((await readdir(join(path, 't'))).sort()).toEqual(['.tmp-left-behind', 'k']);
  });

  it('says what stands where a folder has to be', async () => {
    await writeFile(join(path, 'file'), '');
    await writeFile(join(path, 'source'), '');
    const refusal = {
      code: 'failed_precondition',
      message: expect.stringMatching(/^object file\/t\/k cannot be written below storage\.trace\.local\.path: ENOTDIR/),
    };
    await expect(store.put('file/t/k', new Uint8Array(3))).rejects.toMatchObject(refusal);
    await expect(store.putFile('file/t/k', join(path, 'source'))).rejects.toMatchObject(refusal);
    expect(await store.stat('file/t/k')).toBeUndefined();
  });

  it('reports a file that was cut while it was open as data_loss', async () => {
    await store.put('k', new Uint8Array(100));
    await store.getRange('k', 0, 100);
    await truncate(join(path, 'k'), 50);
    await expect(store.getRange('k', 0, 100)).rejects.toMatchObject({ code: 'data_loss' });
  });

  it('keeps no more files open than told', async () => {
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    for (const key of keys) await store.put(key, new Uint8Array(8));
    await Promise.all(keys.map((key) => store.getRange(key, 0, 8)));
    expect(await openBelow(path)).toBeLessThanOrEqual(3);
    await store.close();
    expect(await openBelow(path)).toBe(0);
  });
});

/** Files of this process that are open below `path`, as the kernel tells it. */
async function openBelow(path: string): Promise<number> {
  const links = await Promise.allSettled((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`)));
  return links.filter((link) => link.status === 'fulfilled' && link.value.startsWith(path)).length;
}
