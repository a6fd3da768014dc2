import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { _Object, CommonPrefix } from '@aws-sdk/client-s3';
import { AppError } from '@vivace/base';
import type { ObjectStat } from '../object-store.ts';
import type { Bucket, Call, Failure, ListPage, OpenObject, PartUpload } from '../remote/bucket.ts';
import { plainFailure } from '../remote/failures.ts';
import { sizeOfRange } from '../remote/size-of-range.ts';
import type { S3Settings } from '../store-settings.ts';
import { s3ClientConfig } from './s3-client-config.ts';
import { customerKey, writtenObject } from './s3-write-options.ts';

const DEFAULT_PART_BYTES = 8_388_608;
const PARTS_AT_ONCE = 2;
/** Of S3. */
const MAX_PARTS = 10_000;

/** Reads the TLS files; connects with the first request. */
export async function openS3Bucket(settings: S3Settings): Promise<Bucket> {
  return new S3Bucket(settings, new S3Client(await s3ClientConfig(settings)));
}

class S3Bucket implements Bucket {
  readonly name: string;
  readonly section = 'storage.trace.s3';
  readonly upload: PartUpload;
  readonly #client: S3Client;
  readonly #bucket: string;
  /** Of new objects. */
  readonly #written: ReturnType<typeof writtenObject>;
  /** Needed with every request that touches the bytes of an object. */
  readonly #sse: ReturnType<typeof customerKey>;

  constructor(settings: S3Settings, client: S3Client) {
    this.name = `s3 bucket ${settings.bucket}`;
    this.#client = client;
    this.#bucket = settings.bucket;
    this.#written = writtenObject(settings);
    this.#sse = customerKey(settings);
    this.upload = {
      partBytes: settings.partBytes || DEFAULT_PART_BYTES,
      atOnce: PARTS_AT_ONCE,
      maxParts: MAX_PARTS,
      begin: (key, call) => this.#begin(key, call),
      part: async (key, id, { number, bytes }, call) => {
        const input = { ...this.#at(key), ...this.#sse, UploadId: id, PartNumber: number + 1, Body: bytes };
        const { ETag, $metadata } = await this.#client.send(new UploadPartCommand(input), sendOptions(call));
        answered(call, $metadata);
        return ETag ?? '';
      },
      complete: async (key, id, tags, call) => {
        const Parts = tags.map((ETag, i) => ({ ETag, PartNumber: i + 1 }));
        const input = { ...this.#at(key), ...this.#sse, UploadId: id, MultipartUpload: { Parts } };
        answered(call, (await this.#client.send(new CompleteMultipartUploadCommand(input), sendOptions(call))).$metadata);
      },
      abort: async (key, id, call) => {
        answered(call, (await this.#client.send(new AbortMultipartUploadCommand({ ...this.#at(key), UploadId: id }), sendOptions(call))).$metadata);
      },
    };
  }

  async open(key: string, range: { readonly offset: number; readonly length: number } | undefined, call: Call): Promise<OpenObject> {
    const Range = range && { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
    const answer = await this.#client.send(new GetObjectCommand({ ...this.#at(key), ...this.#sse, ...Range }), sendOptions(call));
    answered(call, answer.$metadata);
    const { Body, ContentLength, ContentRange } = answer;
    if (!(Body instanceof Readable)) throw new AppError('internal', `${this.name}: the SDK gave no stream for ${key}`);
    return { length: ContentLength, size: range ? sizeOfRange(ContentRange) : ContentLength, body: Body };
  }

  async stat(key: string, call: Call): Promise<ObjectStat> {
    const {
      ContentLength = 0,
      LastModified,
      $metadata,
    } = await this.#client.send(new HeadObjectCommand({ ...this.#at(key), ...this.#sse }), sendOptions(call));
    answered(call, $metadata);
    return { size: ContentLength, modifiedMs: LastModified?.getTime() ?? 0 };
  }

  async put(key: string, bytes: Uint8Array, call: Call): Promise<void> {
    answered(call, (await this.#client.send(new PutObjectCommand({ ...this.#at(key), ...this.#written, Body: bytes }), sendOptions(call))).$metadata);
  }

  async list(prefix: string, deep: boolean, page: string | undefined, call: Call): Promise<ListPage> {
    const input = { Bucket: this.#bucket, Prefix: prefix, ...(!deep && { Delimiter: '/' }), ...(page !== undefined && { ContinuationToken: page }) };
    const {
      Contents = [],
      CommonPrefixes = [],
      IsTruncated,
      NextContinuationToken,
      $metadata,
    } = await this.#client.send(new ListObjectsV2Command(input), sendOptions(call));
    answered(call, $metadata);
    return {
      objects: Contents.map(({ Key = '', Size = 0, LastModified }: _Object) => ({ key: Key, size: Size, modifiedMs: LastModified?.getTime() ?? 0 })),
      folders: CommonPrefixes.map(({ Prefix = '' }: CommonPrefix) => Prefix),
      next: IsTruncated ? NextContinuationToken : undefined,
    };
  }

  async delete(key: string, call: Call): Promise<void> {
    answered(call, (await this.#client.send(new DeleteObjectCommand(this.#at(key)), sendOptions(call))).$metadata);
  }

  failure(reason: unknown): Failure {
    const answer = reason instanceof Error && '$response' in reason ? (reason.$response as Partial<HttpAnswer> | undefined) : undefined;
    // What stands before a store answers in its own words: the SDK then fails to parse them, and only the status says what it was.
    const failure =
      reason instanceof S3ServiceException || answer?.statusCode === undefined
        ? plainFailure(reason)
        : { code: 'NotS3', message: 'the answer is not one of S3' };
    const seconds = Number(answer?.headers?.['retry-after']);
    return { ...failure, status: answer?.statusCode, ...(seconds > 0 && { retryAfterMs: seconds * 1_000 }) };
  }

  close(): void {
    this.#client.destroy();
  }

  async #begin(key: string, call: Call): Promise<string> {
    const { UploadId, $metadata } = await this.#client.send(new CreateMultipartUploadCommand({ ...this.#at(key), ...this.#written }), sendOptions(call));
    answered(call, $metadata);
    if (UploadId === undefined) throw new AppError('internal', `${this.name}: gave no id for the upload of ${key}`);
    return UploadId;
  }

  #at(key: string) {
    return { Bucket: this.#bucket, Key: key };
  }
}

interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
}

function sendOptions({ signal }: Call) {
  return { abortSignal: signal };
}

function answered(call: Call, { httpStatusCode }: { readonly httpStatusCode?: number | undefined }): void {
  call.status = httpStatusCode ?? 0;
}
