import { open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { AppError } from '@vivace/base';
import type { Bucket, PartUpload, UploadPart } from './bucket.ts';
import type { Requests } from './requests.ts';

export interface UploadFileJob {
  readonly bucket: Bucket;
  readonly requests: Requests;
  /** As the caller named it. */
  readonly key: string;
  /** Its name in the bucket. */
  readonly name: string;
  readonly path: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Moves a local file into a bucket. Until the last request has succeeded nothing is visible and the file is untouched; then the file is removed.
 * Takes memory for `atOnce` parts, whatever the size of the file.
 */
export async function uploadFile(job: UploadFileJob): Promise<void> {
  const file = await open(job.path, 'r');
  try {
    const { size } = await file.stat();
    if (size <= job.bucket.upload.partBytes) await uploadWhole(job, file, size);
    else await uploadInParts(job, file, size);
  } finally {
    await file.close();
  }
  await rm(job.path, { force: true });
}

async function uploadWhole({ bucket, requests, key, name, path, signal }: UploadFileJob, file: FileHandle, size: number): Promise<void> {
  const bytes = await readPart(file, path, 0, size);
  await requests.run({ method: 'PUT', what: 'store', key, bytes: size, signal }, (call) => bucket.put(name, bytes, call));
}

async function uploadInParts(job: UploadFileJob, file: FileHandle, size: number): Promise<void> {
  const { bucket, requests, key, name, path, signal } = job;
  const { upload } = bucket;
  const { begin, complete } = upload;
  const partBytes = partSize(upload, size);
  const tags = new Array<string>(Math.ceil(size / partBytes));
  const id = begin ? await requests.run({ method: 'POST', what: 'begin to store', key, bytes: 0, signal }, (call) => begin(name, call)) : '';
  // Ends the other lanes when one fails.
  const failed = new AbortController();
  const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let number = next++; number < tags.length && !failed.signal.aborted; number = next++) {
      const offset = number * partBytes;
      const bytes = await readPart(file, path, offset, Math.min(partBytes, size - offset));
      const part: UploadPart = { number, offset, size, bytes };
      tags[number] = await requests.run({ method: 'PUT', what: 'store a part of', key, bytes: bytes.length, signal: either }, (call) =>
        upload.part(name, id, part, call),
      );
    }
  };
  try {
    await allLanes(Math.min(upload.atOnce, tags.length), lane, failed);
    if (complete)
      await completeOnce(job, size, () => requests.run({ method: 'POST', what: 'complete', key, bytes: 0, signal }, (call) => complete(name, id, tags, call)));
  } catch (reason) {
    await abandon(job, id);
    throw reason;
  }
}

/** Runs `count` lanes; after the first failure ends the others, awaits them and throws that failure. */
async function allLanes(count: number, lane: () => Promise<void>, failed: AbortController): Promise<void> {
  let first: { readonly reason: unknown } | undefined;
  await Promise.all(
    Array.from({ length: count }, () =>
      lane().catch((reason: unknown) => {
        first ??= { reason };
        failed.abort();
      }),
    ),
  );
  if (first) throw first.reason;
}

/** A completion whose answer was lost is repeated; the store then no longer knows the upload, but has the object. */
async function completeOnce({ bucket, requests, key, name, signal }: UploadFileJob, size: number, complete: () => Promise<void>): Promise<void> {
  try {
    await complete();
  } catch (reason) {
    if (!(reason instanceof AppError) || reason.code !== 'not_found') throw reason;
    const stat = await requests.run({ method: 'HEAD', what: 'ask for', key, bytes: 0, signal }, (call) => bucket.stat(name, call));
    if (stat.size !== size) throw reason;
  }
}

/** Frees the parts. The caller may have given up, so this runs without its signal; a store that cannot be reached keeps them until its own rules remove them. */
async function abandon({ bucket, requests, key, name }: UploadFileJob, id: string): Promise<void> {
  const { abort } = bucket.upload;
  if (!abort) return;
  await requests
    .run({ method: 'DELETE', what: 'abort the upload of', key, bytes: 0, signal: undefined }, (call) => abort(name, id, call))
    .catch(() => undefined);
}

const MIB = 1_048_576;

function partSize({ partBytes, maxParts }: PartUpload, size: number): number {
  return Math.max(partBytes, Math.ceil(size / maxParts / MIB) * MIB);
}

async function readPart(file: FileHandle, path: string, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw new AppError('data_loss', `${path}: ended at ${offset + done} while it was stored`);
    done += bytesRead;
  }
  return bytes;
}
