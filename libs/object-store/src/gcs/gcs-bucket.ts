import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import { Storage } from '@google-cloud/storage';
import { AppError } from '@vivace/base';
import { PassThroughClient } from 'google-auth-library';
import type { GoogleAuth } from 'google-auth-library';
import type { ObjectStat } from '../object-store.ts';
import type { Bucket, Call, Failure, ListPage, OpenObject, PartUpload, UploadPart } from '../remote/bucket.ts';
import { plainFailure } from '../remote/failures.ts';
import { plainHost } from '../remote/plain-host.ts';
import { sizeOfRange } from '../remote/size-of-range.ts';
import type { GcsSettings } from '../store-settings.ts';

const MAX_SOCKETS = 64;
/** A chunk of an upload has arrived and more are expected. */
const RESUME_INCOMPLETE = 308;
const PAGE_SIZE = 1_000;
const CRLF = '\r\n';

/** An object as the JSON API tells of it. */
interface ObjectResource {
  readonly name: string;
  readonly size: string;
  readonly updated: string;
}

interface ObjectList {
  readonly items?: readonly ObjectResource[];
  readonly prefixes?: readonly string[];
  readonly nextPageToken?: string;
}

interface RequestInit {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Finds credentials and connects with the first request. */
export function openGcsBucket(settings: GcsSettings): Bucket {
  return new GcsBucket(settings);
}

/**
 * Requests of the JSON API (https://cloud.google.com/storage/docs/json_api) made by the SDK's authenticated client. The SDK's own streams are not used: they
 * cannot be called off before the answer, and on an error they close the connections of all other requests.
 */
class GcsBucket implements Bucket {
  readonly name: string;
  readonly section = 'storage.trace.gcs';
  readonly upload: PartUpload;
  readonly #auth: Pick<GoogleAuth, 'request'>;
  readonly #objectsUrl: string;
  readonly #uploadUrl: string;
  readonly #agent: HttpAgent;
  /** Of new objects. */
  readonly #resource: object;

  constructor(settings: GcsSettings) {
    const { bucket, endpoint, insecure, cacheControl, metadata, chunkBytes } = settings;
    const address = endpoint === '' ? undefined : plainHost(endpoint, insecure);
    const storage = new Storage({
      ...(address && { apiEndpoint: address.url, useAuthWithCustomEndpoint: !insecure }),
      ...(insecure && { authClient: new PassThroughClient() }),
    });
    this.#auth = insecure ? new PassThroughClient() : storage.authClient;
    const path = `storage/v1/b/${encodeURIComponent(bucket)}/o`;
    this.#objectsUrl = `${storage.apiEndpoint}/${path}`;
    this.#uploadUrl = `${storage.apiEndpoint}/upload/${path}`;
    const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
    this.#agent = storage.apiEndpoint.startsWith('http://') ? new HttpAgent(agent) : new HttpsAgent(agent);
    this.#resource = { ...(cacheControl !== '' && { cacheControl }), ...(Object.keys(metadata).length > 0 && { metadata }) };
    this.name = `gcs bucket ${bucket}`;
    this.upload = {
      partBytes: chunkBytes,
      // Chunks follow each other in one session.
      atOnce: 1,
      maxParts: Infinity,
      begin: (key, call) => this.#begin(key, call),
      part: (_key, session, part, call) => this.#chunk(session, part, call),
      abort: (_key, session, call) => this.#cancel(session, call),
    };
  }

  async open(key: string, range: { readonly offset: number; readonly length: number } | undefined, call: Call): Promise<OpenObject> {
    const headers = range && { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
    const { headers: answered, body } = await this.#send(`${this.#url(key)}?alt=media`, { ...(headers && { headers }) }, call);
    const length = answered.has('content-length') ? Number(answered.get('content-length')) : undefined;
    return { length, size: range ? sizeOfRange(answered.get('content-range')) : length, body };
  }

  async stat(key: string, call: Call): Promise<ObjectStat> {
    const { size, updated } = await this.#json<ObjectResource>(`${this.#url(key)}?fields=size,updated`, {}, call);
    return { size: Number(size), modifiedMs: Date.parse(updated) };
  }

  async put(key: string, bytes: Uint8Array, call: Call): Promise<void> {
    const boundary = 'vivace-object';
    const head = [
      `--${boundary}`,
      'Content-Type: application/json',
      '',
      this.#resourceOf(key),
      `--${boundary}`,
      'Content-Type: application/octet-stream',
      '',
      '',
    ];
    const body = Buffer.concat([Buffer.from(head.join(CRLF)), bytes, Buffer.from(`${CRLF}--${boundary}--`)]);
    const headers = { 'Content-Type': `multipart/related; boundary=${boundary}` };
    await this.#json(`${this.#uploadUrl}?uploadType=multipart&fields=name`, { method: 'POST', headers, body }, call);
  }

  async list(prefix: string, deep: boolean, page: string | undefined, call: Call): Promise<ListPage> {
    const query = new URLSearchParams({ prefix, maxResults: String(PAGE_SIZE), fields: 'items(name,size,updated),prefixes,nextPageToken' });
    if (!deep) query.set('delimiter', '/');
    if (page !== undefined) query.set('pageToken', page);
    const { items = [], prefixes = [], nextPageToken } = await this.#json<ObjectList>(`${this.#objectsUrl}?${query.toString()}`, {}, call);
    const objects = items.map(({ name, size, updated }) => ({ key: name, size: Number(size), modifiedMs: Date.parse(updated) }));
    return { objects, folders: prefixes, next: nextPageToken || undefined };
  }

  async delete(key: string, call: Call): Promise<void> {
    await drain(await this.#send(this.#url(key), { method: 'DELETE' }, call));
  }

  failure(reason: unknown): Failure {
    return reason instanceof GcsError ? reason : plainFailure(reason);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Gives the address of the upload session. */
  async #begin(key: string, call: Call): Promise<string> {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await this.#send(`${this.#uploadUrl}?uploadType=resumable&fields=name`, { method: 'POST', headers, body: this.#resourceOf(key) }, call);
    await drain(answer);
    const session = answer.headers.get('location');
    if (session === null) throw new AppError('internal', `${this.name}: gave no session for the upload of ${key}`);
    return session;
  }

  /** Sends the bytes the session does not have yet. Bytes it has already are ignored by it, so a chunk may be sent again. */
  async #chunk(session: string, { offset, size, bytes }: UploadPart, call: Call): Promise<string> {
    const end = offset + bytes.length;
    for (let from = offset; from < end; ) {
      const headers = { 'Content-Range': `bytes ${from}-${end - 1}/${size}` };
      const answer = await this.#send(session, { method: 'PUT', headers, body: bytes.subarray(from - offset) }, call, RESUME_INCOMPLETE);
      await drain(answer);
      if (answer.status !== RESUME_INCOMPLETE) break;
      const persisted = Number(/^bytes=0-(\d+)$/.exec(answer.headers.get('range') ?? '')?.[1] ?? -1) + 1;
      // What came before is lost: this session cannot be finished, so the status makes the failure a lasting one.
      if (persisted < from) throw new GcsError(answer.status, 'ShortUpload', `the session has ${persisted} bytes, ${from} were sent`, undefined);
      if (persisted === from) throw new GcsError(undefined, 'ShortUpload', `the session took no byte at ${from}`, undefined);
      from = persisted;
    }
    return '';
  }

  async #cancel(session: string, call: Call): Promise<void> {
    // 499 says that it is cancelled, 404 that it was before.
    await drain(await this.#send(session, { method: 'DELETE' }, call, 499, 404));
  }

  #resourceOf(key: string): string {
    return JSON.stringify({ name: key, contentType: 'application/octet-stream', ...this.#resource });
  }

  #url(key: string): string {
    return `${this.#objectsUrl}/${encodeURIComponent(key)}`;
  }

  async #json<T>(url: string, init: RequestInit, call: Call): Promise<T> {
    const { body } = await this.#send(url, init, call);
    return JSON.parse(await textOf(body)) as T; // the API's own schema
  }

  async #send(url: string, { method = 'GET', headers = {}, body }: RequestInit, call: Call, ...alsoGood: readonly number[]): Promise<Answer> {
    const answer = await this.#auth.request<Readable>({
      url,
      method,
      // Objects are what was stored, not what they decompress to.
      headers: { 'Accept-Encoding': 'identity', ...headers },
      ...(body !== undefined && { body: body as Buffer<ArrayBuffer> }),
      responseType: 'stream',
      signal: call.signal,
      agent: this.#agent,
      retry: false,
      validateStatus: () => true,
    });
    const stream = answer.data instanceof Readable ? answer.data : Readable.from([]);
    call.status = answer.status;
    if ((answer.status >= 200 && answer.status < 300) || alsoGood.includes(answer.status))
      return { status: answer.status, headers: answer.headers, body: stream };
    throw toError(answer.status, answer.headers.get('retry-after'), await textOf(stream));
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readable;
}

class GcsError extends Error implements Failure {
  readonly status: number | undefined;
  readonly code: string;
  readonly retryAfterMs: number | undefined;

  constructor(status: number | undefined, code: string, message: string, retryAfterMs: number | undefined) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Errors are JSON, or plain text where an object's bytes were asked for. */
function toError(status: number, retryAfter: string | null, text: string): GcsError {
  let message = text.slice(0, 200).trim();
  let code = String(status);
  try {
    const { error } = JSON.parse(text) as { readonly error?: { readonly message?: string; readonly errors?: readonly { readonly reason?: string }[] } };
    message = error?.message ?? message;
    code = error?.errors?.[0]?.reason ?? code;
  } catch {
    // Plain text.
  }
  if (status === 404 && /bucket does not exist/i.test(message)) code = 'NoSuchBucket';
  const seconds = Number(retryAfter);
  return new GcsError(status, code, message, seconds > 0 ? seconds * 1_000 : undefined);
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString();
}

/** Reads what nobody needs, so that the connection can be used again. */
async function drain({ body }: Answer): Promise<void> {
  await textOf(body);
}
