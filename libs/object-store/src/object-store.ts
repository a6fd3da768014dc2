/** Where blocks live. Object names are `/`-separated keys below the store's root. */
export interface ObjectStore {
  /** Whole object; rejects with `not_found` when absent. */
  get(key: string, signal?: AbortSignal): Promise<Uint8Array>;
  /** Exactly `length` bytes at `offset`; rejects with `data_loss` naming key and offset when the object is shorter. The memory is the caller's. */
  getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** Size and last-modified time, or undefined when absent. */
  stat(key: string, signal?: AbortSignal): Promise<ObjectStat | undefined>;
  /** Creates or replaces the object atomically and durably: when this resolves it survives a power cut. */
  put(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Moves a finished local file into the store, durably (rename on a local store, upload elsewhere). The source is gone afterwards. */
  putFile(key: string, path: string, signal?: AbortSignal): Promise<void>;
  /** Keys of objects directly below `prefix` (which ends with `/` or is empty). Absent prefix: empty list. */
  list(prefix: string, signal?: AbortSignal): Promise<ObjectEntry[]>;
  /** Objects at any depth below `prefix`, those that are `wanted` by their key, in the order of keys. */
  listTree(prefix: string, wanted: (key: string) => boolean, signal?: AbortSignal): Promise<ObjectEntry[]>;
  /** Names of the "folders" directly below `prefix`. */
  listFolders(prefix: string, signal?: AbortSignal): Promise<string[]>;
  /** Idempotent. */
  delete(key: string, signal?: AbortSignal): Promise<void>;
}

export interface ObjectStat {
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modifiedMs: number;
}

export interface ObjectEntry extends ObjectStat {
  readonly key: string;
}
