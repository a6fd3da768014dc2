import { addAbortSignal } from 'node:stream';
import { AppError } from '@vivace/base';
import { tooShort } from '../check-key.ts';
import type { OpenObject } from './bucket.ts';
import { ShortAnswer } from './requests.ts';

/**
 * All bytes of an answer, and exactly those asked for: whatever the store says or leaves out, memory is taken for bytes that are announced or have come.
 * Rejects with `data_loss` when the object ends before the range does, with `ShortAnswer` when only this answer did.
 */
export async function readBody(
  key: string,
  range: { readonly offset: number; readonly length: number } | undefined,
  { length, size, body }: OpenObject,
  signal: AbortSignal,
): Promise<Uint8Array> {
  addAbortSignal(signal, body);
  try {
    if (range) {
      if (size !== undefined && range.offset + range.length > size) throw tooShort(key, range.offset, range.length, size);
      if (length !== undefined && length > range.length)
        throw new AppError('failed_precondition', `object ${key}: the store answers a range of ${range.length} bytes with ${length}; it does not know ranges`);
    }
    const wanted = range?.length ?? length;
    // Not before the store has announced them: a damaged footer may ask for any length.
    const announced = length !== undefined && length === wanted;
    return announced ? await readExactly(key, range?.offset ?? 0, length, body) : await readAll(key, range?.offset ?? 0, wanted, body);
  } finally {
    // Destroying twice, or at the end, does nothing.
    body.on('error', () => undefined).destroy();
  }
}

async function readExactly(key: string, offset: number, length: number, body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  for await (const chunk of body) {
    if (done + chunk.length > length) break;
    bytes.set(chunk, done);
    done += chunk.length;
  }
  if (done < length) throw new ShortAnswer(answerEnded(key, offset, length, done));
  return bytes;
}

async function readAll(key: string, offset: number, wanted: number | undefined, body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let done = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    done += chunk.length;
    if (wanted !== undefined && done > wanted) break;
  }
  if (wanted !== undefined && done !== wanted) throw new ShortAnswer(answerEnded(key, offset, wanted, done));
  const bytes = new Uint8Array(done);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function answerEnded(key: string, offset: number, length: number, got: number): AppError {
  return new AppError('data_loss', `object ${key}: ${length} bytes wanted at offset ${offset}, the store gives ${got}`);
}
