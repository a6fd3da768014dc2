import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { AppError } from '@vivace/base';
import { checkKey, checkPrefix, notFound, tooShort } from './check-key.ts';
import { FileHandles } from './file-handles.ts';
import type { ObjectEntry, ObjectStat, ObjectStore } from './object-store.ts';

export interface LocalObjectStoreOptions {
  /** Folder that holds everything; created when first written to. */
  readonly path: string;
  /** Files kept open for range reads. Default 128. */
  readonly maxOpenFiles?: number;
}

/** Unfinished writes: invisible to `list`, left behind only by a crash. */
const TEMPORARY = '.tmp-';

/**
 * Objects as files below a folder, in Tempo's layout. A write is a temporary file, fsync, rename, fsync of the folder: other readers see the
 * old object or the new one, and what was acknowledged survives a power cut.
 */
export class LocalObjectStore implements ObjectStore {
  readonly #root: string;
  readonly #handles: FileHandles;

  constructor(options: LocalObjectStoreOptions) {
    this.#root = resolve(options.path);
    this.#handles = new FileHandles(options.maxOpenFiles ?? 128);
  }

  async get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const path = this.#path(key);
    const handle = await open(path, 'r').catch((cause: unknown) => {
      throw storeError(key, cause);
    });
    try {
      return await handle.readFile();
    } catch (cause) {
      throw storeError(key, cause);
    } finally {
      await handle.close();
    }
  }

  async getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const path = this.#path(key);
    try {
      return await this.#handles.use(path, async ({ handle, size }) => {
        // Before anything is allocated: a damaged footer may ask for any length.
        if (offset + length > size) throw tooShort(key, offset, length, size);
        // Not of a pool, and not zeroed.
        const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
        let done = 0;
        while (done < length) {
          const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
          if (bytesRead === 0) throw tooShort(key, offset, length, offset + done);
          done += bytesRead;
        }
        return bytes;
      });
    } catch (cause) {
      throw storeError(key, cause);
    }
  }

  async stat(key: string, signal?: AbortSignal): Promise<ObjectStat | undefined> {
    signal?.throwIfAborted();
    try {
      const found = await stat(this.#path(key));
      return found.isFile() ? { size: found.size, modifiedMs: Math.trunc(found.mtimeMs) } : undefined;
    } catch (cause) {
      const error = storeError(key, cause);
      if (error.code === 'not_found') return undefined;
      throw error;
    }
  }

  async put(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const path = this.#path(key);
    const temporary = join(dirname(path), `${TEMPORARY}${randomUUID()}`);
    try {
      const handle = await this.#create(temporary);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await this.#publish(temporary, path);
    } catch (cause) {
      // The first error is the one to tell.
      await rm(temporary, { force: true }).catch(() => undefined);
      throw writeError(key, cause);
    }
  }

  async putFile(key: string, path: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const target = this.#path(key);
    try {
      await this.#makeFolders(dirname(target));
      await syncPath(path);
      await this.#publish(path, target).catch(async (cause: unknown) => {
        if (errnoOf(cause) !== 'EXDEV') throw cause;
        // Another file system: there is no rename across, so copy and publish the copy.
        await this.#copyIn(path, target);
      });
    } catch (cause) {
      throw writeError(key, cause);
    }
  }

  async list(prefix: string, signal?: AbortSignal): Promise<ObjectEntry[]> {
    const entries: ObjectEntry[] = [];
    for (const entry of await this.#read(prefix, signal)) {
      if (!entry.isFile() || entry.name.startsWith(TEMPORARY)) continue;
      const found = await this.stat(`${prefix}${entry.name}`, signal);
      // Gone between reading the folder and asking for the size.
      if (found) entries.push({ key: `${prefix}${entry.name}`, ...found });
    }
    return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async listTree(prefix: string, wanted: (key: string) => boolean, signal?: AbortSignal): Promise<ObjectEntry[]> {
    const entries: ObjectEntry[] = [];
    for (const entry of await this.#read(prefix, signal)) {
      const key = `${prefix}${entry.name}`;
      if (entry.isDirectory()) entries.push(...(await this.listTree(`${key}/`, wanted, signal)));
      else if (entry.isFile() && !entry.name.startsWith(TEMPORARY) && wanted(key)) {
        const found = await this.stat(key, signal);
        if (found) entries.push({ key, ...found });
      }
    }
    return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async listFolders(prefix: string, signal?: AbortSignal): Promise<string[]> {
    return (await this.#read(prefix, signal))
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const path = this.#path(key);
    try {
      await rm(path, { force: true });
      this.#handles.drop(path);
      await this.#removeEmptyFolders(dirname(path));
    } catch (cause) {
      throw storeError(key, cause);
    }
  }

  /** Closes files kept open. Reads after it open them anew. */
  async close(): Promise<void> {
    await this.#handles.close();
  }

  #path(key: string): string {
    checkKey(key);
    return join(this.#root, key);
  }

  /** A new file in a folder that is made when missing; `delete` may take an empty folder away in between, so a second try is due. */
  async #create(path: string): Promise<FileHandle> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#makeFolders(dirname(path));
        return await open(path, 'wx');
      } catch (cause) {
        if (errnoOf(cause) !== 'ENOENT' || attempt === 3) throw cause;
      }
    }
  }

  async #publish(from: string, to: string): Promise<void> {
    await rename(from, to);
    // Readers with the old file open would go on reading it.
    this.#handles.drop(to);
    await syncPath(dirname(to));
  }

  async #copyIn(from: string, to: string): Promise<void> {
    const temporary = join(dirname(to), `${TEMPORARY}${randomUUID()}`);
    try {
      const source = await open(from, 'r');
      const copy = await open(temporary, 'wx');
      try {
        const buffer = new Uint8Array(1 << 20);
        for (;;) {
          const { bytesRead } = await source.read(buffer, 0, buffer.length);
          if (bytesRead === 0) break;
          await copy.writeFile(buffer.subarray(0, bytesRead));
        }
        await copy.sync();
      } finally {
        await copy.close();
        await source.close();
      }
      await this.#publish(temporary, to);
      await rm(from);
    } catch (cause) {
      // The first error is the one to tell.
      await rm(temporary, { force: true }).catch(() => undefined);
      throw cause;
    }
  }

  /** Creates folders durably: a new folder's name is only safe once the folder above it is synced. */
  async #makeFolders(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true });
    if (first === undefined) return;
    for (let made = folder; made.length >= first.length; made = dirname(made)) await syncPath(dirname(made));
  }

  /** On an object store a prefix without objects does not exist; here neither. */
  async #removeEmptyFolders(folder: string): Promise<void> {
    for (let at = folder; at.length > this.#root.length; at = dirname(at)) {
      try {
        await rmdir(at);
      } catch (cause) {
        // Not empty, or somebody else removed it.
        if (errnoOf(cause) === 'ENOENT') continue;
        return;
      }
    }
  }

  async #read(prefix: string, signal: AbortSignal | undefined): Promise<{ name: string; isFile(): boolean; isDirectory(): boolean }[]> {
    signal?.throwIfAborted();
    checkPrefix(prefix);
    try {
      return await readdir(join(this.#root, prefix), { withFileTypes: true });
    } catch (cause) {
      const error = storeError(prefix, cause);
      if (error.code === 'not_found') return [];
      throw error;
    }
  }
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function errnoOf(reason: unknown): string | undefined {
  return reason instanceof Error && 'code' in reason && typeof reason.code === 'string' ? reason.code : undefined;
}

/** Where something is made, a folder that is missing or a file is no sign that the object does not exist. */
function writeError(key: string, cause: unknown): AppError {
  const errno = errnoOf(cause);
  if (errno !== 'ENOENT' && errno !== 'ENOTDIR') return storeError(key, cause);
  return new AppError('failed_precondition', `object ${key} cannot be written below storage.trace.local.path: ${(cause as Error).message}`, { cause });
}

function storeError(key: string, cause: unknown): AppError {
  const errno = errnoOf(cause);
  if (errno === 'ENOENT' || errno === 'ENOTDIR') return notFound(key, cause);
  if (errno === 'EISDIR') return new AppError('invalid_argument', `object key ${key} is a folder`, { cause });
  if (errno === 'ENOSPC' || errno === 'EDQUOT')
    return new AppError('resource_exhausted', `object ${key}: no space left in storage.trace.local.path`, { cause });
  return AppError.from(cause, 'unavailable');
}
