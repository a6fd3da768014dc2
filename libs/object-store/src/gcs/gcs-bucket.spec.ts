import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bucket, Call } from '../remote/bucket.ts';
import { openGcsBucket } from './gcs-bucket.ts';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly range: string | undefined;
  readonly body: Buffer;
}

let server: Server;
let bucket: Bucket;
let seen: Seen[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  seen = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.push({ method: request.method, url: request.url, range: request.headers['content-range'], body: Buffer.concat(chunks) });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  bucket = openGcsBucket({
    bucket: 'traces',
    prefix: '',
    chunkBytes: 262_144,
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    hedging: { afterMs: 0, upTo: 1 },
    insecure: true,
    cacheControl: 'no-store',
    metadata: { by: 'vivace' },
    maxAttempts: 3,
  });
});
afterEach(async () => {
  bucket.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const call = (): Call => ({ signal: new AbortController().signal, status: 0 });
const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const bytes = Buffer.from('0123456789');

describe('uploads in chunks', () => {
  it('begin a session with what the object is to be', async () => {
    answer = (_request, response) => response.writeHead(200, { Location: `${url()}/session` }).end();
    expect(await bucket.upload.begin!('t/b/data.parquet', call())).toBe(`${url()}/session`);
    expect(seen[0].url).toMatch(/^\/upload\/storage\/v1\/b\/traces\/o\?uploadType=resumable/);
    expect(JSON.parse(seen[0].body.toString())).toEqual({
      name: 't/b/data.parquet',
      contentType: 'application/octet-stream',
      cacheControl: 'no-store',
      metadata: { by: 'vivace' },
    });
  });

  it('send again what the session did not keep', async () => {
    const answers = [{ Range: 'bytes=0-103' }, { Range: 'bytes=0-109' }];
    answer = (_request, response) => response.writeHead(308, answers.shift()).end();
    await bucket.upload.part('k', `${url()}/session`, { number: 1, offset: 100, size: 500, bytes }, call());
    expect(seen.map(({ range, body }) => [range, body.toString()])).toEqual([
      ['bytes 100-109/500', '0123456789'],
      ['bytes 104-109/500', '456789'],
    ]);
  });

  it.each([
    ['may be tried again', 'nothing of the chunk', { Range: 'bytes=0-99' }, undefined],
    ['begin anew', 'not even what came before', { Range: 'bytes=0-49' }, 308],
    ['begin anew', 'nothing at all', {}, 308],
  ])('%s when the session has kept %s', async (_what, _kept, headers, status) => {
    answer = (_request, response) => response.writeHead(308, headers).end();
    const part = { number: 1, offset: 100, size: 500, bytes };
    const failure = bucket.failure(await bucket.upload.part('k', `${url()}/session`, part, call()).catch((reason: unknown) => reason));
    expect(failure.code).toBe('ShortUpload');
    expect(failure.status).toBe(status);
    expect(seen).toHaveLength(1);
  });

  it('are called off, which the store confirms with 499', async () => {
    answer = (_request, response) => response.writeHead(499).end();
    const one = call();
    await bucket.upload.abort!('k', `${url()}/session`, one);
    expect([seen[0].method, one.status]).toEqual(['DELETE', 499]);
  });
});

describe('failures', () => {
  const failureOf = async (status: number, body: string, headers = {}) => {
    answer = (_request, response) => response.writeHead(status, headers).end(body);
    return bucket.failure(await bucket.open('k', undefined, call()).catch((reason: unknown) => reason));
  };

  it('are told in JSON or in text', async () => {
    expect(await failureOf(403, '{"error":{"code":403,"message":"no rights","errors":[{"reason":"forbidden"}]}}')).toMatchObject({
      status: 403,
      code: 'forbidden',
      message: 'no rights',
    });
    expect(await failureOf(404, 'No such object: traces/k')).toMatchObject({ status: 404, code: '404', message: 'No such object: traces/k' });
    expect(await failureOf(404, '{"error":{"message":"The specified bucket does not exist."}}')).toMatchObject({ code: 'NoSuchBucket' });
    expect(await failureOf(503, 'busy', { 'Retry-After': '2' })).toMatchObject({ status: 503, retryAfterMs: 2_000 });
  });

  it('of the network have no status', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const failure = bucket.failure(await bucket.stat('k', call()).catch((reason: unknown) => reason));
    expect(failure).toMatchObject({ code: 'ECONNREFUSED' });
    expect(failure.status).toBeUndefined();
    server.listen(0);
  });
});
