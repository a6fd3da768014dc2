import type { IncomingMessage } from 'node:http';
import { AppError } from '@vivace/base';
import type { OtlpHttpConfig } from '@vivace/config';
import type { Decode } from './content-encoding.ts';
import { DECODERS } from './content-encoding.ts';
import { HttpRefusal } from './http-refusal.ts';
import type { Lease } from './memory-budget.ts';

const SIZE_KEY = 'distributor.receivers.otlp.protocols.http.max_request_body_size';

type BodyLimits = Pick<OtlpHttpConfig, 'maxBodyBytes' | 'encodings'>;

/**
 * The body of a request, decompressed off the event loop. `maxBodyBytes` bounds what is read as well as what it decompresses to; both are taken
 * from `lease`. Throws an HttpRefusal (413, 415), `invalid_argument` for bytes that do not decompress, and what `lease` throws.
 */
export async function readBody(request: IncomingMessage, { maxBodyBytes: maxBytes, encodings }: BodyLimits, lease: Lease): Promise<Buffer> {
  const written = (request.headers['content-encoding'] ?? '').trim().toLowerCase();
  const encoding = written === 'identity' ? '' : written;
  const decode = DECODERS.get(encoding);
  if ((decode === undefined && encoding !== '') || encodings?.includes(encoding) === false) {
    const known = encodings?.map((name) => name || 'identity') ?? [...DECODERS.keys()];
    throw new HttpRefusal(415, `content-encoding ${JSON.stringify(written.slice(0, 100))} is not supported, want one of ${known.join(', ')}`);
  }
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > maxBytes) throw tooLarge(`request body of ${announced} bytes is larger than`, maxBytes);
  const body = await collect(request, maxBytes, lease);
  if (decode === undefined) return body;
  const decoded = await decodeBody(body, encoding, decode, maxBytes);
  lease.take(decoded.length);
  return decoded;
}

async function decodeBody(body: Buffer, encoding: string, decode: Decode, maxBytes: number): Promise<Buffer> {
  try {
    return await decode(body, maxBytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(`request body decompresses (${encoding}) to more than`, maxBytes);
    throw new AppError('invalid_argument', `request body is not valid ${encoding}: ${(error as Error).message}`, { cause: error });
  }
}

function collect(request: IncomingMessage, maxBytes: number, lease: Lease): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      try {
        size += chunk.length;
        if (size > maxBytes) throw tooLarge('request body is larger than', maxBytes);
        lease.take(chunk.length);
        chunks.push(chunk);
      } catch (reason) {
        chunks.length = 0;
        request.removeAllListeners('data');
        reject(AppError.from(reason));
      }
    });
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size)));
    request.once('error', (error) => reject(new AppError('canceled', 'request was aborted', { cause: error })));
    // After `end` this changes nothing.
    request.once('close', () => reject(new AppError('canceled', 'request was aborted')));
  });
}

function tooLarge(what: string, maxBytes: number): HttpRefusal {
  return new HttpRefusal(413, `${what} ${maxBytes} bytes; raise ${SIZE_KEY} or send smaller batches`);
}
