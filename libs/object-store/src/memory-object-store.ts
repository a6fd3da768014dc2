import { readFile, rm } from 'node:fs/promises';
import type { Clock } from '@vivace/base';
import { systemClock } from '@vivace/base';
import { checkKey, checkPrefix, notFound, tooShort } from './check-key.ts';
import type { ObjectEntry, ObjectStat, ObjectStore } from './object-store.ts';

interface Stored {
  readonly bytes: Uint8Array;
  readonly modifiedMs: number;
}

/** Objects in memory, for tests. Counts what is asked of it, so that tests can assert costs. */
export class MemoryObjectStore implements ObjectStore {
  /** Calls of `get` and `getRange`. */
  reads = 0;
  /** Bytes given by them. */
  bytesRead = 0;
  /** Calls of `list`, `listTree` and `listFolders`. */
  lists = 0;
  readonly #objects = new Map<string, Stored>();
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  async get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    const { bytes } = this.#find(key, signal);
    this.#count(bytes.length);
    return bytes.slice();
  }

  async getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const { bytes } = this.#find(key, signal);
    if (offset + length > bytes.length) throw tooShort(key, offset, length, bytes.length);
    this.#count(length);
    return bytes.slice(offset, offset + length);
  }

  async stat(key: string, signal?: AbortSignal): Promise<ObjectStat | undefined> {
    signal?.throwIfAborted();
    checkKey(key);
    const stored = this.#objects.get(key);
    return stored && { size: stored.bytes.length, modifiedMs: stored.modifiedMs };
  }

  async put(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    checkKey(key);
    this.#objects.set(key, { bytes: new Uint8Array(bytes), modifiedMs: this.#clock.now() });
  }

  async putFile(key: string, path: string, signal?: AbortSignal): Promise<void> {
    await this.put(key, await readFile(path), signal);
    await rm(path);
  }

  list(prefix: string, signal?: AbortSignal): Promise<ObjectEntry[]> {
    return this.listTree(prefix, (key) => !key.includes('/', prefix.length), signal);
  }

  async listTree(prefix: string, wanted: (key: string) => boolean, signal?: AbortSignal): Promise<ObjectEntry[]> {
    signal?.throwIfAborted();
    checkPrefix(prefix);
    this.lists++;
    const entries: ObjectEntry[] = [];
    for (const [key, { bytes, modifiedMs }] of this.#objects) if (key.startsWith(prefix) && wanted(key)) entries.push({ key, size: bytes.length, modifiedMs });
    return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async listFolders(prefix: string, signal?: AbortSignal): Promise<string[]> {
    signal?.throwIfAborted();
    checkPrefix(prefix);
    this.lists++;
    const names = new Set<string>();
    for (const key of this.#objects.keys()) {
      const slash = key.indexOf('/', prefix.length);
      if (key.startsWith(prefix) && slash >= 0) names.add(key.slice(prefix.length, slash));
    }
    return [...names].sort();
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    checkKey(key);
    this.#objects.delete(key);
  }

  #find(key: string, signal: AbortSignal | undefined): Stored {
    signal?.throwIfAborted();
    checkKey(key);
    const stored = this.#objects.get(key);
    if (stored === undefined) throw notFound(key);
    return stored;
  }

  #count(bytes: number): void {
    this.reads++;
    this.bytesRead += bytes;
  }
}
