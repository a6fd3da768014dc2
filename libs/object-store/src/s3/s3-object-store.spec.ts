import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError, createMemoryMetrics } from '@vivace/base';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { objectStoreContract } from '../object-store.contract.ts';
import { observeRequests } from '../observe-requests.ts';
import { openObjectStore } from '../open-object-store.ts';
import type { RequestPolicy } from '../remote/requests.ts';
import { RemoteObjectStore } from '../remote/remote-object-store.ts';
import type { RemoteObjectStoreOptions } from '../remote/remote-object-store.ts';
import type { S3Settings } from '../store-settings.ts';
import { fail, FakeS3 } from './fake-s3.fixture.ts';
import { openS3Bucket } from './s3-bucket.ts';

const MIB = 1_048_576;
const DURATION = 'tempodb_backend_request_duration_seconds';
const quiet = { request: () => undefined, hedged: () => undefined, refused: () => undefined };

let s3: FakeS3;
let metrics: ReturnType<typeof createMemoryMetrics>;
const opened: RemoteObjectStore[] = [];

beforeEach(async () => {
  s3 = await new FakeS3().start();
  metrics = createMemoryMetrics();
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await s3.stop();
});

type Options = Partial<S3Settings> & { policy?: Partial<RequestPolicy>; every?: NonNullable<RemoteObjectStoreOptions['every']> };

async function open({ policy, every = () => () => undefined, ...settings }: Options = {}): Promise<RemoteObjectStore> {
  const store = new RemoteObjectStore({
    bucket: await openS3Bucket(s3.settings(settings)),
    prefix: '',
    policy: { attempts: 4, timeoutMs: 30_000, hedgeAfterMs: 0, hedgeUpTo: 2, ...policy },
    observer: observeRequests(metrics),
    sleep: () => Promise.resolve(),
    every,
  });
  opened.push(store);
  return store;
}

/** Requests that were answered so. */
const counted = (operation: string, status_code: string): number => metrics.value(DURATION, { operation, status_code });

/** The first `times` requests that `match` get this answer. */
function script(times: number, match: (method: string, query: URLSearchParams) => boolean, answer: (response: ServerResponse) => void): void {
  let left = times;
  s3.intercept = ({ method, query }, response) => {
    if (left === 0 || !match(method, query)) return false;
    left--;
    answer(response);
    return true;
  };
}

const reads = (method: string): boolean => method === 'GET';

objectStoreContract('s3 in this process', () => openObjectStore({ backend: 's3', s3: s3.settings({ prefix: '/some/where/' }) }, quiet));

describe('requests', () => {
  it('carry what is configured, and no checksums that old servers refuse', async () => {
    const store = await open({ sessionToken: 'token', tags: { team: 'a b' }, metadata: { by: 'vivace' }, storageClass: 'STANDARD_IA', region: 'eu-x-1' });
    await store.put('t/k', new Uint8Array(3));
    const { headers, key } = s3.seen[0];
    expect(key).toBe('t/k');
    expect(headers).toMatchObject({
      'x-amz-tagging': 'team=a+b',
      'x-amz-meta-by': 'vivace',
      'x-amz-storage-class': 'STANDARD_IA',
      'x-amz-security-token': 'token',
      authorization: expect.stringMatching(/^AWS4-HMAC-SHA256 Credential=AKIAFAKE\/\d{8}\/eu-x-1\/s3\//),
    });
    expect(Object.keys(headers).filter((name) => /checksum|trailer|sdk-checksum|^expect$/.test(name))).toEqual([]);
  });

  it.each([
    ['SSE-S3', {}, { 'x-amz-server-side-encryption': 'AES256' }],
    [
      'SSE-KMS',
      { kmsKeyId: 'key', kmsContext: '{"a":"b"}' },
      {
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'key',
        'x-amz-server-side-encryption-context': Buffer.from('{"a":"b"}').toString('base64'),
      },
    ],
  ] as const)('ask for encryption: %s', async (type, sse, expected) => {
    const store = await open({ sse: { type, kmsKeyId: '', kmsContext: '', customerKey: '', ...sse } });
    await store.put('k', new Uint8Array(3));
    await store.get('k');
    expect(s3.seen[0].headers).toMatchObject(expected);
    expect(Object.keys(s3.seen[1].headers).filter((name) => name.includes('encryption'))).toEqual([]);
  });

  it('bring the key of SSE-C with every read and write', async () => {
    const customerKey = '0123456789abcdef0123456789abcdef';
    const store = await open({ sse: { type: 'SSE-C', kmsKeyId: '', kmsContext: '', customerKey } });
    await store.put('k', new Uint8Array(3));
    await store.get('k');
    await store.stat('k');
    for (const { headers } of s3.seen)
      expect(headers).toMatchObject({
        'x-amz-server-side-encryption-customer-algorithm': 'AES256',
        'x-amz-server-side-encryption-customer-key': Buffer.from(customerKey).toString('base64'),
        'x-amz-server-side-encryption-customer-key-md5': expect.any(String),
      });
  });

  it('are counted by method and status', async () => {
    const store = await open();
    await store.put('k', new Uint8Array(10));
    await store.getRange('k', 0, 5);
    await store.get('k');
    await store.stat('absent');
    await store.list('');
    await store.delete('k');
    expect([counted('PUT', '200'), counted('GET', '206'), counted('GET', '200'), counted('HEAD', '404'), counted('DELETE', '204')]).toEqual([1, 1, 2, 1, 1]);
    expect(s3.seen).toHaveLength(6);
  });

  it('read all pages of a listing, and leave out what consoles put there', async () => {
    const store = await open({ prefix: '' });
    for (let i = 0; i < 10; i++) for (const name of ['meta.json', 'data.parquet']) s3.objects.set(`t/b${i}/${name}`, Buffer.alloc(i));
    s3.objects.set('t/', Buffer.alloc(0));
    s3.objects.set('t/b3/', Buffer.alloc(0));
    expect(await store.listFolders('t/')).toHaveLength(10);
    expect(await store.listTree('t/', (key) => key.endsWith('meta.json'))).toHaveLength(10);
    expect((await store.list('t/b3/')).map(({ key }) => key)).toEqual(['t/b3/data.parquet', 't/b3/meta.json']);
    expect(await store.list('t/')).toEqual([]);
  });
});

describe('credentials of the environment', () => {
  afterEach(() => vi.unstubAllEnvs());

  const usedKey = (): string | undefined => /Credential=([^/]+)\//.exec(s3.seen.at(-1)?.headers.authorization ?? '')?.[1];

  it('are AWS variables', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAENV');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'hush');
    const store = await open({ accessKey: '', secretKey: '' });
    await store.put('k', new Uint8Array(1));
    expect(usedKey()).toBe('AKIAENV');
  });

  it('are a web identity, as of a Kubernetes service account', async () => {
    const tokenFile = join(await mkdtemp(join(tmpdir(), 'web-identity-')), 'token');
    await writeFile(tokenFile, 'signed-by-the-cluster');
    const asked: string[] = [];
    const sts = createServer((request, response) => {
      request.on('data', (chunk: Buffer) => asked.push(chunk.toString()));
      request.on('end', () =>
        response.end(
          `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>hush</SecretAccessKey>
           <SessionToken>session</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
        ),
      );
    });
    await new Promise<void>((resolve) => sts.listen(0, '127.0.0.1', resolve));
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', tokenFile);
    vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/vivace');
    vi.stubEnv('AWS_ENDPOINT_URL_STS', `http://127.0.0.1:${(sts.address() as AddressInfo).port}`);
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere');
    const store = await open({ accessKey: '', secretKey: '' });
    await store.put('k', new Uint8Array(1));
    expect([usedKey(), s3.seen.at(-1)?.headers['x-amz-security-token']]).toEqual(['ASIAROLE', 'session']);
    expect(asked.join('')).toMatch(/Action=AssumeRoleWithWebIdentity.*WebIdentityToken=signed-by-the-cluster/);
    sts.closeAllConnections();
    await new Promise((resolve) => sts.close(resolve));
    await rm(dirname(tokenFile), { recursive: true });
  });

  it('may be none: then nothing is asked, and the message says which to set', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'AWS_WEB_IDENTITY_TOKEN_FILE']) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    const store = await open({ accessKey: '', secretKey: '' });
    await expect(store.get('k')).rejects.toMatchObject({
      code: 'permission_denied',
      message: expect.stringContaining('check the credentials of storage.trace.s3'),
    });
    expect(s3.seen).toEqual([]);
  });
});

describe('a store that fails', () => {
  it.each([
    [503, 'SlowDown'],
    [500, 'InternalError'],
    [429, 'TooManyRequests'],
    [400, 'RequestTimeout'],
  ])('is asked again after %i %s', async (status, code) => {
    const store = await open();
    s3.objects.set('k', Buffer.from('abc'));
    script(2, reads, (response) => fail(response, status, code));
    expect(Buffer.from(await store.getRange('k', 0, 3)).toString()).toBe('abc');
    expect([counted('GET', String(status)), counted('GET', '206')]).toEqual([2, 1]);
  });

  it.each(['Service Unavailable', '<html><body>bad gateway<br></body></html>', ''])('is asked again when what stands before it answers %j', async (body) => {
    const store = await open();
    s3.objects.set('k', Buffer.from('abc'));
    script(1, reads, (response) => response.writeHead(502).end(body));
    expect(await store.get('k')).toHaveLength(3);
    expect([counted('GET', '502'), counted('GET', '200')]).toEqual([1, 1]);
    script(Infinity, reads, (response) => response.writeHead(502).end(body));
    await expect(store.get('k')).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('(502 ') });
  });

  it('is unavailable after the last try', async () => {
    const store = await open();
    script(
      Infinity,
      () => true,
      (response) => fail(response, 503, 'SlowDown'),
    );
    await expect(store.get('t/k')).rejects.toMatchObject({
      code: 'unavailable',
      message: 'object t/k: s3 bucket traces could not read it (503 SlowDown: said the store)',
    });
    expect(s3.seen).toHaveLength(4);
    await expect(store.listFolders('')).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('could not list ""') });
  });

  it('waits as long as the store wants', async () => {
    const waits: number[] = [];
    const bucket = await openS3Bucket(s3.settings());
    const policy = { attempts: 2, timeoutMs: 30_000, hedgeAfterMs: 0, hedgeUpTo: 1 };
    const store = new RemoteObjectStore({ bucket, prefix: '', policy, observer: quiet, sleep: async (ms) => void waits.push(ms) });
    script(1, reads, (response) => response.writeHead(503, { 'Retry-After': '3' }).end());
    await expect(store.get('k')).rejects.toMatchObject({ code: 'not_found' });
    expect(waits[0]).toBeGreaterThanOrEqual(3_000);
    expect(waits[0]).toBeLessThan(3_300);
    bucket.close();
  });

  it.each([
    [403, 'AccessDenied', 'permission_denied', /check the credentials of storage\.trace\.s3/],
    [403, 'SignatureDoesNotMatch', 'permission_denied', /SignatureDoesNotMatch/],
    [400, 'ExpiredToken', 'permission_denied', /ExpiredToken/],
    [404, 'NoSuchBucket', 'failed_precondition', /s3 bucket traces does not exist/],
    [400, 'InvalidArgument', 'failed_precondition', /InvalidArgument: said the store/],
  ])('is not asked again after %i %s', async (status, code, expected, message) => {
    const store = await open();
    script(
      Infinity,
      () => true,
      (response) => fail(response, status, code),
    );
    for (const work of [() => store.get('k'), () => store.put('k', new Uint8Array(1)), () => store.list('')]) {
      const error = AppError.from(
        await work().then(
          () => undefined,
          (reason: unknown) => reason,
        ),
      );
      expect(error).toMatchObject({ code: expected, message: expect.stringMatching(message) });
      expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain('hush');
    }
    expect(s3.seen).toHaveLength(3);
  });

  it('is unavailable when nobody listens', async () => {
    const store = await open();
    await s3.stop();
    await expect(store.get('k')).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('ECONNREFUSED') });
    expect(counted('GET', 'error')).toBe(4);
    s3 = await new FakeS3().start();
  });

  it('is asked again when an answer breaks off', async () => {
    const store = await open();
    s3.objects.set('k', Buffer.from('0123456789'));
    script(2, reads, (response) => {
      response.writeHead(206, { 'Content-Length': 10, 'Content-Range': 'bytes 0-9/10' });
      response.write('01234', () => response.destroy());
    });
    expect(Buffer.from(await store.getRange('k', 0, 10)).toString()).toBe('0123456789');
    expect(s3.seen).toHaveLength(3);
  });

  it('loses data, with key and offset, when its answers always end early', async () => {
    const store = await open();
    script(Infinity, reads, (response) => response.writeHead(206, { 'Content-Length': 3, 'Content-Range': 'bytes 5-7/100' }).end('567'));
    await expect(store.getRange('t/k', 5, 10)).rejects.toMatchObject({
      code: 'data_loss',
      message: 'object t/k: 10 bytes wanted at offset 5, the store gives 3',
    });
    expect(s3.seen).toHaveLength(4);
  });

  it('is found out when it does not know ranges', async () => {
    const store = await open();
    script(Infinity, reads, (response) => response.writeHead(200, { 'Content-Length': 1_000 }).end(Buffer.alloc(1_000)));
    await expect(store.getRange('k', 5, 10)).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('does not know ranges') });
    expect(s3.seen).toHaveLength(1);
  });

  it('is given up on when it hangs, and asked again', async () => {
    const store = await open({ policy: { timeoutMs: 1_000, attempts: 2 } });
    s3.objects.set('k', Buffer.from('abc'));
    script(1, reads, () => undefined);
    expect(await store.getRange('k', 0, 3)).toHaveLength(3);
    expect([counted('GET', 'error'), counted('GET', '206')]).toEqual([1, 1]);
    script(Infinity, reads, () => undefined);
    await expect(store.get('k')).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('no answer within 1000 ms') });
  });
});

describe('a store that is away', () => {
  it('refuses reads at once, finds out by one of them when it is back, and lets writes through', async () => {
    let tick = (): void => undefined;
    const store = await open({
      policy: { attempts: 1 },
      every(_, work) {
        tick = work;
        return () => undefined;
      },
    });
    s3.objects.set('k', Buffer.from('abc'));
    const held: ServerResponse[] = [];
    const arrived: (() => void)[] = [];
    script(Infinity, reads, (response) => {
      held.push(response);
      for (const resolve of arrived.splice(0)) resolve();
    });
    const arrival = () => new Promise<void>((resolve) => arrived.push(resolve));
    const first = arrival();
    const reading = store.get('k');
    const refused = expect(reading).rejects.toMatchObject({ code: 'unavailable', reason: 'store_away' });
    await first;
    for (let i = 0; i < 12; i++) tick();
    await refused;
    expect(counted('GET', 'error')).toBe(1);
    const probe = arrival();
    await expect(store.getRange('k', 0, 1)).rejects.toMatchObject({ reason: 'store_away', message: expect.stringContaining('is away') });
    await expect(store.get('k')).rejects.toMatchObject({ reason: 'store_away' });
    await probe;
    expect(held, 'one of two is sent').toHaveLength(2);
    expect(metrics.value('vivace_backend_refused_reads_total')).toBe(3);
    await store.put('other', new Uint8Array(1));
    s3.intercept = () => false;
    expect(await store.get('k')).toHaveLength(3);
  });
});

describe('TLS', () => {
  const file = (name: string): string => fileURLToPath(new URL(`../../../../testdata/otlp/tls/${name}`, import.meta.url));
  const tls = (overrides: Partial<S3Settings['tls']>): S3Settings['tls'] => ({ ...s3.settings().tls, ...overrides });

  beforeEach(async () => {
    await s3.stop();
    s3 = await new FakeS3({ cert: await readFile(file('cert.pem')), key: await readFile(file('key.pem')) }).start();
  });

  it('trusts the certificates it is told to', async () => {
    const store = await open({ tls: tls({ caFile: file('cert.pem'), minVersion: 'TLSv1.3' }) });
    await store.put('k', new Uint8Array(1));
    expect(await store.get('k')).toHaveLength(1);
  });

  it('trusts any when told so', async () => {
    const store = await open({ tls: tls({ skipVerify: true }) });
    await store.put('k', new Uint8Array(1));
  });

  it('trusts no others, and does not try again', async () => {
    const store = await open();
    await expect(store.get('k')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/SELF_SIGNED|UNABLE_TO_VERIFY.*certificates of storage\.trace\.s3/),
    });
    expect([s3.seen.length, counted('GET', 'error')]).toEqual([0, 1]);
  });

  it('says which file it cannot read', async () => {
    await expect(open({ tls: tls({ caFile: '/no/such.pem' }) })).rejects.toThrow('/no/such.pem');
  });
});

describe('hedging', () => {
  it('asks again while an answer is awaited, and takes the first', async () => {
    const store = await open({ policy: { hedgeAfterMs: 20, attempts: 1 } });
    s3.objects.set('k', Buffer.from('abc'));
    const closed = Promise.withResolvers<void>();
    script(1, reads, (response) => response.on('close', () => closed.resolve()));
    expect(Buffer.from(await store.getRange('k', 0, 3)).toString()).toBe('abc');
    await closed.promise;
    expect([metrics.value('tempodb_backend_hedged_roundtrips_total'), counted('GET', '206'), counted('GET', 'error'), s3.seen.length]).toEqual([1, 1, 0, 2]);
  });

  it('asks no more often than allowed', async () => {
    const store = await open({ policy: { hedgeAfterMs: 5, hedgeUpTo: 3, attempts: 1, timeoutMs: 1_000 } });
    script(Infinity, reads, () => undefined);
    await expect(store.get('k')).rejects.toMatchObject({ code: 'unavailable' });
    expect([s3.seen.length, metrics.value('tempodb_backend_hedged_roundtrips_total')]).toEqual([3, 2]);
  });

  it('does not hedge writes', async () => {
    const store = await open({ policy: { hedgeAfterMs: 1, attempts: 1 } });
    s3.intercept = ({ method }, response) => {
      if (method === 'PUT') setTimeout(() => response.writeHead(200).end(), 50);
      return method === 'PUT';
    };
    await store.put('k', new Uint8Array(1));
    expect(s3.seen).toHaveLength(1);
  });
});

describe('a caller who gives up', () => {
  it('ends the request', async () => {
    const store = await open();
    const controller = new AbortController();
    const closed = Promise.withResolvers<void>();
    script(1, reads, (response) => {
      response.on('close', () => closed.resolve());
      controller.abort();
    });
    await expect(store.get('k', controller.signal)).rejects.toMatchObject({ name: 'AbortError' });
    await closed.promise;
    expect(s3.seen).toHaveLength(1);
  });

  it('ends an answer that is under way', async () => {
    const store = await open();
    const controller = new AbortController();
    script(1, reads, (response) => {
      response.writeHead(206, { 'Content-Length': 10, 'Content-Range': 'bytes 0-9/10' });
      response.write('01234', () => controller.abort());
    });
    await expect(store.getRange('k', 0, 10, controller.signal)).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('putFile', () => {
  let folder: string;
  let path: string;
  const data = Buffer.from(Uint8Array.from({ length: 12 * MIB + 5 }, (_, i) => (i * 31) >> 3));
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'put-file-'));
    path = join(folder, 'data.parquet');
    await writeFile(path, data);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const isPart = (method: string, query: URLSearchParams): boolean => method === 'PUT' && query.has('partNumber');
  const isCompletion = (method: string, query: URLSearchParams): boolean => method === 'POST' && query.has('uploadId');

  it('sends a large file in parts, of which few are in memory', async () => {
    const store = await open({ partBytes: 5 * MIB });
    await store.putFile('t/b/data.parquet', path);
    expect(data.equals(s3.objects.get('t/b/data.parquet')!)).toBe(true);
    expect(s3.counts()).toEqual({ POST: 2, PUT: 3 });
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  it('sends a small file at once', async () => {
    const store = await open({ partBytes: 20 * MIB });
    await store.putFile('t/b/data.parquet', path);
    expect(s3.counts()).toEqual({ PUT: 1 });
  });

  it('sends a part again that failed', async () => {
    const store = await open({ partBytes: 5 * MIB });
    script(2, isPart, (response) => fail(response, 503, 'SlowDown'));
    await store.putFile('k', path);
    expect(data.equals(s3.objects.get('k')!)).toBe(true);
    expect([counted('PUT', '503'), counted('PUT', '200')]).toEqual([2, 3]);
  });

  it.each(['part', 'completion'])('leaves nothing behind, and the file where it was, when a %s fails for good', async (what) => {
    const store = await open({ partBytes: 5 * MIB });
    script(Infinity, what === 'part' ? isPart : isCompletion, (response) => fail(response, 403, 'AccessDenied'));
    await expect(store.putFile('k', path)).rejects.toMatchObject({ code: 'permission_denied' });
    expect([s3.objects.size, s3.uploadsInProgress]).toEqual([0, 0]);
    expect(data.equals(await readFile(path))).toBe(true);
    s3.intercept = () => false;
    await store.putFile('k', path);
    expect(s3.objects.size).toBe(1);
  });

  it('leaves nothing behind when the caller gives up', async () => {
    const store = await open({ partBytes: 5 * MIB });
    const controller = new AbortController();
    script(1, isPart, () => controller.abort());
    await expect(store.putFile('k', path, controller.signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect([s3.objects.size, s3.uploadsInProgress]).toEqual([0, 0]);
    expect(data.equals(await readFile(path))).toBe(true);
  });

  it('knows a completion whose answer was lost', async () => {
    const store = await open({ partBytes: 5 * MIB });
    let lost = false;
    s3.intercept = ({ method, query, key }, response) => {
      if (!isCompletion(method, query) || lost) return false;
      lost = true;
      s3.objects.set(key, data);
      s3.intercept = (request, again) => isCompletion(request.method, request.query) && (fail(again, 404, 'NoSuchUpload'), true);
      response.destroy();
      return true;
    };
    await store.putFile('k', path);
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });
});
