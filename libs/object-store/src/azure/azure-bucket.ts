import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import { BaseRequestPolicy, ContainerClient, newPipeline, RestError, StorageSharedKeyCredential } from '@azure/storage-blob';
import type { BlobItem, BlobPrefix, BlockBlobClient, HttpOperationResponse, RequestPolicy, RequestPolicyOptions, WebResource } from '@azure/storage-blob';
import type { TokenCredential } from '@azure/identity';
import { AppError } from '@vivace/base';
import type { ObjectStat } from '../object-store.ts';
import type { Bucket, Call, Failure, ListPage, OpenObject, PartUpload } from '../remote/bucket.ts';
import { plainFailure } from '../remote/failures.ts';
import { plainHost } from '../remote/plain-host.ts';
import { sizeOfRange } from '../remote/size-of-range.ts';
import type { AzureSettings } from '../store-settings.ts';

/** Of Azure. */
const MAX_PARTS = 50_000;
const PAGE_SIZE = 1_000;

/** Sockets to the store of one thread; further requests wait for one. */
const MAX_SOCKETS = 64;

/** Finds credentials and connects with the first request. */
export async function openAzureBucket(settings: AzureSettings): Promise<Bucket> {
  const url = containerUrl(settings);
  const agent = new (url.startsWith('https:') ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: MAX_SOCKETS });
  // Repetitions are made, and counted, by `Requests`.
  const pipeline = newPipeline(await credentialOf(settings), { retryOptions: { maxTries: 1 } });
  pipeline.factories.unshift({ create: (next, options) => new UseAgent(next, options, agent) });
  return new AzureBucket(settings, new ContainerClient(url, pipeline), agent);
}

/** The SDK's own connections are without limit. */
class UseAgent extends BaseRequestPolicy {
  readonly #agent: HttpAgent;

  constructor(next: RequestPolicy, options: RequestPolicyOptions, agent: HttpAgent) {
    super(next, options);
    this.#agent = agent;
  }

  sendRequest(request: WebResource): Promise<HttpOperationResponse> {
    request.agent = this.#agent;
    return this._nextPolicy.sendRequest(request);
  }
}

/** `https://account.blob.core.windows.net/container`; where the suffix is no `blob.…` domain it is the address of an emulator, which has the account in the path. */
export function containerUrl({ account, container, endpointSuffix }: Pick<AzureSettings, 'account' | 'container' | 'endpointSuffix'>): string {
  if (endpointSuffix.startsWith('blob.')) return `https://${account}.${endpointSuffix}/${container}`;
  return `${plainHost(endpointSuffix, true).url}/${account}/${container}`;
}

async function credentialOf(settings: AzureSettings): Promise<StorageSharedKeyCredential | TokenCredential> {
  const { account, accountKey, managedIdentity, federatedToken, userAssignedId } = settings;
  if (accountKey !== '') return new StorageSharedKeyCredential(account, accountKey);
  const { DefaultAzureCredential, ManagedIdentityCredential, WorkloadIdentityCredential } = await import('@azure/identity');
  const clientId = userAssignedId === '' ? {} : { clientId: userAssignedId };
  if (federatedToken) return new WorkloadIdentityCredential(clientId);
  if (managedIdentity) return new ManagedIdentityCredential(clientId);
  return new DefaultAzureCredential(userAssignedId === '' ? {} : { managedIdentityClientId: userAssignedId });
}

class AzureBucket implements Bucket {
  readonly name: string;
  readonly section = 'storage.trace.azure';
  readonly upload: PartUpload;
  readonly #container: ContainerClient;
  readonly #agent: HttpAgent;

  constructor({ container, partBytes, partsAtOnce }: AzureSettings, client: ContainerClient, agent: HttpAgent) {
    this.name = `azure container ${container}`;
    this.#container = client;
    this.#agent = agent;
    // Blocks that are never committed are forgotten by the store after a week.
    this.upload = {
      partBytes,
      atOnce: partsAtOnce,
      maxParts: MAX_PARTS,
      part: async (key, _id, { number, bytes }, call) => {
        const id = Buffer.from(String(number).padStart(8, '0')).toString('base64');
        answered(call, await this.#blob(key).stageBlock(id, bytes, bytes.length, { abortSignal: call.signal }));
        return id;
      },
      complete: async (key, _id, tags, call) => {
        answered(call, await this.#blob(key).commitBlockList([...tags], { abortSignal: call.signal }));
      },
    };
  }

  async open(key: string, range: { readonly offset: number; readonly length: number } | undefined, call: Call): Promise<OpenObject> {
    const answer = await this.#blob(key).download(range?.offset ?? 0, range?.length, { abortSignal: call.signal, maxRetryRequests: 0 });
    answered(call, answer);
    const { contentLength, contentRange, readableStreamBody } = answer;
    if (!(readableStreamBody instanceof Readable)) throw new AppError('internal', `${this.name}: the SDK gave no stream for ${key}`);
    return { length: contentLength, size: range ? sizeOfRange(contentRange) : contentLength, body: readableStreamBody };
  }

  async stat(key: string, call: Call): Promise<ObjectStat> {
    const answer = await this.#blob(key).getProperties({ abortSignal: call.signal });
    answered(call, answer);
    return { size: answer.contentLength ?? 0, modifiedMs: answer.lastModified?.getTime() ?? 0 };
  }

  async put(key: string, bytes: Uint8Array, call: Call): Promise<void> {
    answered(call, await this.#blob(key).upload(bytes, bytes.length, { abortSignal: call.signal }));
  }

  async list(prefix: string, deep: boolean, page: string | undefined, call: Call): Promise<ListPage> {
    const options = { prefix, abortSignal: call.signal };
    const paging = { maxPageSize: PAGE_SIZE, ...(page !== undefined && { continuationToken: page }) };
    if (deep) {
      const flat = await this.#container.listBlobsFlat(options).byPage(paging).next();
      return flat.done ? EMPTY_PAGE : toPage(call, flat.value, flat.value.segment.blobItems, []);
    }
    const one = await this.#container.listBlobsByHierarchy('/', options).byPage(paging).next();
    return one.done ? EMPTY_PAGE : toPage(call, one.value, one.value.segment.blobItems, one.value.segment.blobPrefixes ?? []);
  }

  async delete(key: string, call: Call): Promise<void> {
    answered(call, await this.#blob(key).delete({ abortSignal: call.signal }));
  }

  failure(reason: unknown): Failure {
    if (!(reason instanceof RestError)) return plainFailure(reason);
    const seconds = Number(reason.response?.headers.get('retry-after'));
    return {
      status: reason.statusCode,
      code: reason.code ?? reason.name,
      // After the first line come ids and the raw answer.
      message: reason.message.split('\n', 1)[0],
      ...(seconds > 0 && { retryAfterMs: seconds * 1_000 }),
    };
  }

  close(): void {
    this.#agent.destroy();
  }

  #blob(key: string): BlockBlobClient {
    return this.#container.getBlockBlobClient(key);
  }
}

function answered(call: Call, { _response }: { readonly _response: { readonly status: number } }): void {
  call.status = _response.status;
}

const EMPTY_PAGE: ListPage = { objects: [], folders: [], next: undefined };

function toPage(
  call: Call,
  answer: { readonly continuationToken?: string; readonly _response: { readonly status: number } },
  items: readonly BlobItem[],
  prefixes: readonly BlobPrefix[],
): ListPage {
  answered(call, answer);
  return {
    objects: items.map(({ name, properties }) => ({ key: name, size: properties.contentLength ?? 0, modifiedMs: properties.lastModified.getTime() })),
    folders: prefixes.map(({ name }) => name),
    next: answer.continuationToken || undefined,
  };
}
