import http from 'node:http';
import https from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { S3Settings } from '../store-settings.ts';

const PAGE_SIZE = 3;

export interface SeenRequest {
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** Answers instead of the store; false leaves it to the store. */
export type Intercept = (request: SeenRequest, response: ServerResponse, body: Buffer) => boolean;

/** As much of S3 as the store needs, in this process, so that tests can make it fail. It checks no signatures; the e2e tests have a server that does. */
export class FakeS3 {
  readonly objects = new Map<string, Buffer>();
  readonly seen: SeenRequest[] = [];
  intercept: Intercept = () => false;
  readonly #uploads = new Map<string, Map<number, Buffer>>();
  readonly #server: http.Server;
  readonly #scheme: 'http' | 'https';

  /** Speaks TLS when given a certificate. */
  constructor(tls?: { readonly cert: Buffer; readonly key: Buffer }) {
    this.#scheme = tls ? 'https' : 'http';
    this.#server = tls ? https.createServer(tls) : http.createServer();
    // A client that hangs up in the middle of a request is none of its business.
    this.#server.on('request', (request, response) => void this.#serve(request, response).catch(() => undefined));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get uploadsInProgress(): number {
    return this.#uploads.size;
  }

  settings(overrides: Partial<S3Settings> = {}): S3Settings {
    return {
      bucket: 'traces',
      prefix: '',
      endpoint: `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
      region: '',
      accessKey: 'AKIAFAKE',
      secretKey: 'hush-hush',
      sessionToken: '',
      insecure: false,
      partBytes: 0,
      hedging: { afterMs: 0, upTo: 2 },
      pathStyle: undefined,
      dualStack: false,
      tags: {},
      storageClass: '',
      metadata: {},
      sse: { type: '', kmsKeyId: '', kmsContext: '', customerKey: '' },
      tls: { certFile: '', keyFile: '', caFile: '', serverName: '', skipVerify: false, ciphers: '', minVersion: undefined },
      ...overrides,
    };
  }

  /** How often each method was asked for: `{ PUT: 2 }`. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { method } of this.seen) counts[method] = (counts[method] ?? 0) + 1;
    return counts;
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { pathname, searchParams: query } = new URL(message.url ?? '', 'http://fake');
    const [, bucket, ...rest] = pathname.split('/').map(decodeURIComponent);
    const request: SeenRequest = { method: message.method ?? '', key: rest.join('/'), query, headers: message.headers };
    this.seen.push(request);
    if (this.intercept(request, response, body)) return;
    if (bucket !== 'traces') fail(response, 404, 'NoSuchBucket');
    else if (query.has('uploads') || query.has('uploadId')) this.#multipart(request, body, response);
    else this.#object(request, body, response);
  }

  #object({ method, key, query, headers }: SeenRequest, body: Buffer, response: ServerResponse): void {
    if (method === 'PUT') {
      this.objects.set(key, body);
      response.writeHead(200, { ETag: '"x"' }).end();
    } else if (method === 'DELETE') {
      this.objects.delete(key);
      response.writeHead(204).end();
    } else if (key === '' && query.has('list-type')) this.#list(query, response);
    else {
      const object = this.objects.get(key);
      if (!object) fail(response, 404, 'NoSuchKey', method === 'HEAD');
      else this.#get(object, headers.range, method === 'HEAD', response);
    }
  }

  #get(object: Buffer, range: string | undefined, headOnly: boolean, response: ServerResponse): void {
    const [, from = '0', to = ''] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    const slice = object.subarray(Number(from), to === '' ? undefined : Number(to) + 1);
    if (range && slice.length === 0) {
      fail(response, 416, 'InvalidRange');
      return;
    }
    response.writeHead(range ? 206 : 200, {
      'Content-Length': slice.length,
      'Last-Modified': new Date(1_700_000_000_000).toUTCString(),
      ...(range && { 'Content-Range': `bytes ${from}-${Number(from) + slice.length - 1}/${object.length}` }),
    });
    response.end(headOnly ? undefined : slice);
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter');
    const from = query.get('continuation-token') ?? '';
    const entries = new Set<string>();
    for (const key of [...this.objects.keys()].filter((name) => name.startsWith(prefix)).sort()) {
      const slash = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
      entries.add(slash < 0 ? key : key.slice(0, slash + 1));
    }
    const left = [...entries].filter((entry) => entry > from);
    const page = left.slice(0, PAGE_SIZE);
    const more = left.length > page.length;
    const xml = page.map((entry) =>
      delimiter !== null && entry.endsWith(delimiter) && entry !== prefix
        ? `<CommonPrefixes><Prefix>${entry}</Prefix></CommonPrefixes>`
        : `<Contents><Key>${entry}</Key><Size>${this.objects.get(entry)!.length}</Size><LastModified>2023-11-14T22:13:20.000Z</LastModified></Contents>`,
    );
    const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    response.writeHead(200).end(`<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${xml.join('')}</ListBucketResult>`);
  }

  #multipart({ method, key, query }: SeenRequest, body: Buffer, response: ServerResponse): void {
    const id = query.get('uploadId') ?? '';
    const parts = this.#uploads.get(id);
    if (method === 'POST' && query.has('uploads')) {
      const created = `upload-${this.seen.length}`;
      this.#uploads.set(created, new Map());
      response.writeHead(200).end(`<InitiateMultipartUploadResult><UploadId>${created}</UploadId></InitiateMultipartUploadResult>`);
    } else if (!parts) fail(response, 404, 'NoSuchUpload');
    else if (method === 'PUT') {
      parts.set(Number(query.get('partNumber')), body);
      response.writeHead(200, { ETag: `"part-${query.get('partNumber')}"` }).end();
    } else if (method === 'DELETE') {
      this.#uploads.delete(id);
      response.writeHead(204).end();
    } else {
      const wanted = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, number]) => parts.get(Number(number)));
      this.objects.set(key, Buffer.concat(wanted.filter((part) => part !== undefined)));
      this.#uploads.delete(id);
      response.writeHead(200).end('<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>');
    }
  }
}

export function fail(response: ServerResponse, status: number, code: string, headOnly = false): void {
  response.writeHead(status).end(headOnly ? undefined : `<Error><Code>${code}</Code><Message>said the store</Message></Error>`);
}
