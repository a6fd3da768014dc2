import { randomUUID } from 'node:crypto';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ObjectStore } from './object-store.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);

type Created = ObjectStore & { close?(): Promise<void> };

/** What every object store must do. `create` gives an empty one, which may use the scratch folder `path`. */
export function objectStoreContract(name: string, create: (path: string) => Created | Promise<Created>): void {
  describe(`${name}: object store contract`, () => {
    let folder: string;
    let store: Created;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'object-store-'));
      store = await create(join(folder, 'root'));
    });

    afterEach(async () => {
      await store.close?.();
      await rm(folder, { recursive: true, force: true });
    });

    it('gives back what was put', async () => {
      await store.put('t/b/meta.json', bytes('{}'));
      expect(text(await store.get('t/b/meta.json'))).toBe('{}');
    });

    it('replaces an object, also for readers that had it open', async () => {
      await store.put('t/a', bytes('old one'));
      expect(text(await store.getRange('t/a', 0, 3))).toBe('old');
      await store.put('t/a', bytes('new'));
      expect(text(await store.get('t/a'))).toBe('new');
      expect(text(await store.getRange('t/a', 0, 3))).toBe('new');
    });

    it('stores empty objects', async () => {
      await store.put('nocompact.flg', new Uint8Array(0));
      expect(await store.get('nocompact.flg')).toHaveLength(0);
      expect(await store.getRange('nocompact.flg', 0, 0)).toHaveLength(0);
    });

    it('is not changed by a caller who reuses buffers', async () => {
      const mine = bytes('abc');
      await store.put('k', mine);
      mine.fill(0);
      const read = await store.get('k');
      read.fill(1);
      (await store.getRange('k', 0, 3)).fill(2);
      expect(text(await store.get('k'))).toBe('abc');
    });

    it('rejects reads of absent objects with not_found', async () => {
      await expect(store.get('nope')).rejects.toMatchObject({ code: 'not_found', message: expect.stringContaining('nope') });
      await expect(store.getRange('t/nope', 0, 1)).rejects.toMatchObject({ code: 'not_found' });
      expect(await store.stat('nope')).toBeUndefined();
    });

    it('finds an object that was absent a moment ago', async () => {
      await expect(store.getRange('late', 0, 1)).rejects.toMatchObject({ code: 'not_found' });
      await store.put('late', bytes('x'));
      expect(text(await store.getRange('late', 0, 1))).toBe('x');
    });

    it('reads ranges exactly and rejects what lies behind the end with data_loss', async () => {
      await store.put('d', bytes('0123456789'));
      expect(text(await store.getRange('d', 3, 4))).toBe('3456');
      expect(text(await store.getRange('d', 9, 1))).toBe('9');
      await expect(store.getRange('d', 8, 3)).rejects.toMatchObject({ code: 'data_loss', message: expect.stringMatching(/d: 3 bytes wanted at offset 8/) });
      await expect(store.getRange('d', 0, 2 ** 45)).rejects.toMatchObject({ code: 'data_loss' });
    });

    it('serves many ranges at once', async () => {
      const data = Uint8Array.from({ length: 4096 }, (_, i) => i * 7);
      await store.put('big', data);
      const parts = await Promise.all(Array.from({ length: 64 }, (_, i) => store.getRange('big', i * 64, 64)));
      expect(Buffer.concat(parts).equals(data)).toBe(true);
    });

    it('tells size and time', async () => {
      await store.put('t/x', bytes('four'));
      const stat = await store.stat('t/x');
      expect(stat?.size).toBe(4);
      expect(stat?.modifiedMs).toBeGreaterThan(0);
      expect(await store.stat('t')).toBeUndefined();
    });

    it('lists objects and folders directly below a prefix', async () => {
      for (const key of ['work.json', 't1/b1/meta.json', 't1/b1/data.parquet', 't1/index.json.gz', 't2/b2/meta.json']) await store.put(key, bytes(key));
      expect((await store.list('')).map((e) => e.key)).toEqual(['work.json']);
      expect((await store.list('t1/b1/')).map((e) => [e.key, e.size])).toEqual([
        ['t1/b1/data.parquet', 18],
        ['t1/b1/meta.json', 15],
      ]);
      expect((await store.list('t1/')).map((e) => e.key)).toEqual(['t1/index.json.gz']);
      expect(await store.listFolders('')).toEqual(['t1', 't2']);
      expect(await store.listFolders('t1/')).toEqual(['b1']);
      expect(await store.list('t3/')).toEqual([]);
      expect((await store.listTree('t1/', () => true)).map((e) => [e.key, e.size])).toEqual([
        ['t1/b1/data.parquet', 18],
        ['t1/b1/meta.json', 15],
        ['t1/index.json.gz', 16],
      ]);
      expect((await store.listTree('', (key) => key.endsWith('/meta.json'))).map((e) => e.key)).toEqual(['t1/b1/meta.json', 't2/b2/meta.json']);
      expect(await store.listTree('t3/', () => true)).toEqual([]);
      expect(await store.listFolders('t3/')).toEqual([]);
    });

    it('deletes, twice too, and forgets empty folders', async () => {
      await store.put('t1/b1/meta.json', bytes('x'));
      await store.put('t1/b2/meta.json', bytes('y'));
      await store.getRange('t1/b1/meta.json', 0, 1);
      await store.delete('t1/b1/meta.json');
      await store.delete('t1/b1/meta.json');
      await expect(store.getRange('t1/b1/meta.json', 0, 1)).rejects.toMatchObject({ code: 'not_found' });
      expect(await store.listFolders('t1/')).toEqual(['b2']);
      await store.delete('t1/b2/meta.json');
      expect(await store.listFolders('')).toEqual([]);
    });

    it('stores and deletes side by side in one folder', async () => {
      const round = async (i: number): Promise<void> => {
        await store.put(`t/${i % 3}/k${i}`, bytes(String(i)));
        await store.delete(`t/${i % 3}/k${i}`);
      };
      await Promise.all(Array.from({ length: 60 }, (_, i) => round(i)));
      expect(await store.listFolders('')).toEqual([]);
    });

    it('moves a file in', async () => {
      const path = join(folder, `${randomUUID()}.parquet`);
      await writeFile(path, 'PAR1');
      await store.putFile('t/b/data.parquet', path);
      expect(text(await store.get('t/b/data.parquet'))).toBe('PAR1');
      await expect(access(path)).rejects.toThrow();
    });

    it.each(['../x', 'a/../../x', '/etc/passwd', 'a//b', '', '.', 'a/', 'a\0b', 'a\\..\\b'])('refuses the key %j', async (key) => {
      await expect(store.get(key)).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(store.getRange(key, 0, 1)).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(store.put(key, bytes('x'))).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(store.delete(key)).rejects.toMatchObject({ code: 'invalid_argument' });
    });

    it('refuses prefixes that are no folder', async () => {
      await expect(store.list('a')).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(store.listFolders('../')).rejects.toMatchObject({ code: 'invalid_argument' });
    });

    it('does nothing once aborted', async () => {
      const signal = AbortSignal.abort();
      await expect(store.put('k', bytes('x'), signal)).rejects.toMatchObject({ name: 'AbortError' });
      expect(await store.stat('k')).toBeUndefined();
      await expect(store.list('', signal)).rejects.toMatchObject({ name: 'AbortError' });
    });
  });
}
