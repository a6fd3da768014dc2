import type { Readable } from 'node:stream';
import type { ObjectEntry, ObjectStat } from '../object-store.ts';

/** One request to a store. */
export interface Call {
  readonly signal: AbortSignal;
  /** HTTP status, set by the bucket as soon as it is known; 0 when no answer came. */
  status: number;
}

/** The beginning of an answer: the bytes are still to come. */
export interface OpenObject {
  /** Bytes the body will have, where the store says so. */
  readonly length: number | undefined;
  /** Size of the whole object, where the store says so. */
  readonly size: number | undefined;
  /** Whoever gets it reads it to its end or destroys it. */
  readonly body: Readable;
}

export interface ListPage {
  readonly objects: readonly ObjectEntry[];
  /** Full prefixes, ending with `/`; none of a deep listing. */
  readonly folders: readonly string[];
  /** Gives the next page; undefined at the end. */
  readonly next: string | undefined;
}

export interface UploadPart {
  /** From 0. */
  readonly number: number;
  readonly offset: number;
  /** Of the whole object. */
  readonly size: number;
  readonly bytes: Uint8Array;
}

/** An object that is sent in parts and appears, whole, when it is completed. */
export interface PartUpload {
  /** Larger files are sent in parts. */
  readonly partBytes: number;
  /** Parts of one object that may be on their way together. */
  readonly atOnce: number;
  /** Most parts of one object; for larger files parts grow. */
  readonly maxParts: number;
  /** Gives the id of the upload. Undefined when the store needs none. */
  readonly begin?: (key: string, call: Call) => Promise<string>;
  /** May be repeated. Gives what `complete` wants to know of the part. */
  readonly part: (key: string, id: string, part: UploadPart, call: Call) => Promise<string>;
  /** Undefined when the last part completes the object. */
  readonly complete?: (key: string, id: string, tags: readonly string[], call: Call) => Promise<void>;
  /** Frees what was sent. Undefined when the store forgets it by itself. */
  readonly abort?: (key: string, id: string, call: Call) => Promise<void>;
}

/**
 * One bucket (S3, GCS) or container (Azure) through its SDK. Every method makes one request and does nothing else: it neither retries, nor counts,
 * nor times out. Keys are those of the bucket. Rejections are understood by `failure`.
 */
export interface Bucket {
  /** For messages: `s3 bucket traces`. */
  readonly name: string;
  /** Configuration section, for messages: `storage.trace.s3`. */
  readonly section: string;
  readonly upload: PartUpload;
  /** All of the object, or exactly `range` of it (`length` > 0). */
  open(key: string, range: { readonly offset: number; readonly length: number } | undefined, call: Call): Promise<OpenObject>;
  stat(key: string, call: Call): Promise<ObjectStat>;
  put(key: string, bytes: Uint8Array, call: Call): Promise<void>;
  /** One page of what lies directly below `prefix`, or (`deep`) of all objects below it. */
  list(prefix: string, deep: boolean, page: string | undefined, call: Call): Promise<ListPage>;
  delete(key: string, call: Call): Promise<void>;
  /** What a rejection of this bucket's methods means. */
  failure(reason: unknown): Failure;
  /** Closes idle connections. */
  close(): void;
}

export interface Failure {
  /** HTTP status of the store's answer; undefined when there was none. */
  readonly status?: number | undefined;
  /** The store's own word (`NoSuchKey`, `SlowDown`), or Node's (`ECONNRESET`). */
  readonly code: string;
  readonly message: string;
  /** The store's own wish. */
  readonly retryAfterMs?: number | undefined;
}
