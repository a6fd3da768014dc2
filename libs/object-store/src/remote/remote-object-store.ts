import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@vivace/base';
import { checkKey, checkPrefix, tooShort } from '../check-key.ts';
import type { ObjectEntry, ObjectStat, ObjectStore } from '../object-store.ts';
import type { RequestMethod, RequestObserver } from '../request-observer.ts';
import type { Bucket, ListPage, OpenObject } from './bucket.ts';
import { HEALTH_BYTES } from './breaker.ts';
import { readBody } from './read-body.ts';
import { Requests } from './requests.ts';
import type { RequestPolicy, RequestsDeps } from './requests.ts';
import { uploadFile } from './upload-file.ts';

export interface RemoteObjectStoreOptions {
  readonly bucket: Bucket;
  /** Before every key; empty, or ending with `/`. */
  readonly prefix: string;
  readonly policy: RequestPolicy;
  readonly observer: RequestObserver;
  /** Shared by the threads of a process that read from the store: `HEALTH_BYTES`. */
  readonly health?: SharedArrayBuffer | undefined;
  /** Wait between tries; tests shorten it. */
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<unknown>;
  /** Time for whether the store is away; tests turn it by hand. */
  readonly every?: RequestsDeps['every'];
}

const RANGE_NOT_SATISFIABLE = 416;

/**
 * Objects in a bucket of a remote store. What all such stores need is here and in `Requests`: keys, prefix, retries, hedging, time limits, exact reads and
 * uploads in parts; a `Bucket` speaks to one kind of store.
 */
export class RemoteObjectStore implements ObjectStore {
  readonly #bucket: Bucket;
  readonly #prefix: string;
  readonly #requests: Requests;

  constructor({ bucket, prefix, policy, observer, health = new SharedArrayBuffer(HEALTH_BYTES), sleep = delayed, every = everyMs }: RemoteObjectStoreOptions) {
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#requests = new Requests({
      bucket,
      policy,
      observer,
      sleep,
      random: Math.random,
      now: () => performance.timeOrigin + performance.now(),
      health,
      every,
    });
  }

  get(key: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#read(key, undefined, signal);
  }

  getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    // HTTP has no empty ranges, and there is nothing to ask for.
    if (length === 0) return this.#checked(key, signal, async () => new Uint8Array(0));
    return this.#read(key, { offset, length }, signal);
  }

  stat(key: string, signal?: AbortSignal): Promise<ObjectStat | undefined> {
    return this.#checked(key, signal, async (name) => {
      try {
        return await this.#requests.run(this.#request('HEAD', 'ask for', key, signal), (call) => this.#bucket.stat(name, call));
      } catch (reason) {
        if (isNotFound(reason)) return undefined;
        throw reason;
      }
    });
  }

  put(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#checked(key, signal, (name) =>
      this.#requests.run(this.#request('PUT', 'store', key, signal, bytes.length), (call) => this.#bucket.put(name, bytes, call)),
    );
  }

  putFile(key: string, path: string, signal?: AbortSignal): Promise<void> {
    return this.#checked(key, signal, (name) => uploadFile({ bucket: this.#bucket, requests: this.#requests, key, name, path, signal }));
  }

  list(prefix: string, signal?: AbortSignal): Promise<ObjectEntry[]> {
    return this.#entries(prefix, false, () => true, signal);
  }

  listTree(prefix: string, wanted: (key: string) => boolean, signal?: AbortSignal): Promise<ObjectEntry[]> {
    return this.#entries(prefix, true, wanted, signal);
  }

  async listFolders(prefix: string, signal?: AbortSignal): Promise<string[]> {
    const from = this.#prefix.length + prefix.length;
    const names: string[] = [];
    for await (const { folders } of this.#pages(prefix, false, signal)) for (const folder of folders) names.push(folder.slice(from, -1));
    return names.sort();
  }

  delete(key: string, signal?: AbortSignal): Promise<void> {
    return this.#checked(key, signal, async (name) => {
      try {
        await this.#requests.run(this.#request('DELETE', 'delete', key, signal), (call) => this.#bucket.delete(name, call));
      } catch (reason) {
        if (!isNotFound(reason)) throw reason;
      }
    });
  }

  /** Closes connections that are kept for further requests. */
  async close(): Promise<void> {
    this.#bucket.close();
  }

  #read(key: string, range: { readonly offset: number; readonly length: number } | undefined, signal: AbortSignal | undefined): Promise<Uint8Array> {
    return this.#checked(key, signal, async (name) => {
      try {
        return await this.#requests.read(
          this.#request('GET', 'read', key, signal, range?.length),
          (call) => this.#bucket.open(name, range, call),
          (opened, attempt) => readBody(key, range, opened, attempt),
          discard,
        );
      } catch (reason) {
        const beyondEnd = reason instanceof AppError && this.#bucket.failure(reason.cause).status === RANGE_NOT_SATISFIABLE;
        throw range && beyondEnd ? tooShort(key, range.offset, range.length) : reason;
      }
    });
  }

  async #entries(prefix: string, deep: boolean, wanted: (key: string) => boolean, signal: AbortSignal | undefined): Promise<ObjectEntry[]> {
    const entries: ObjectEntry[] = [];
    for await (const { objects } of this.#pages(prefix, deep, signal))
      for (const { key, size, modifiedMs } of objects) {
        const own = key.slice(this.#prefix.length);
        // Consoles of stores make "folders" by storing an empty object with the name of the prefix.
        if (!own.endsWith('/') && own !== '' && wanted(own)) entries.push({ key: own, size, modifiedMs });
      }
    return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async *#pages(prefix: string, deep: boolean, signal: AbortSignal | undefined): AsyncGenerator<ListPage> {
    signal?.throwIfAborted();
    checkPrefix(prefix);
    let next: string | undefined;
    do {
      const token = next;
      const page = await this.#requests.run(this.#request('GET', `list ${JSON.stringify(prefix)}`, '', signal), (call) =>
        this.#bucket.list(this.#prefix + prefix, deep, token, call),
      );
      yield page;
      next = page.next;
    } while (next !== undefined);
  }

  async #checked<T>(key: string, signal: AbortSignal | undefined, work: (name: string) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    checkKey(key);
    return work(this.#prefix + key);
  }

  #request(method: RequestMethod, what: string, key: string, signal: AbortSignal | undefined, bytes = 0) {
    return { method, what, key, bytes, signal };
  }
}

function delayed(ms: number, signal: AbortSignal | undefined): Promise<unknown> {
  return delay(ms, undefined, signal && { signal });
}

function everyMs(ms: number, work: () => void): () => void {
  const timer = setInterval(work, ms);
  timer.unref();
  return () => clearInterval(timer);
}

function discard({ body }: OpenObject): void {
  body.on('error', () => undefined).destroy();
}

function isNotFound(reason: unknown): boolean {
  return reason instanceof AppError && reason.code === 'not_found';
}
