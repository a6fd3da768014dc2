import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { unlz4 } from './lz4.ts';
import { unsnappy, unsnappyFramed } from './snappy.ts';

/**
 * Decompresses a body off the event loop, or in turns with it. Borrows `bytes` until it is done; what comes out is the caller's, and can be moved to
 * another thread. Rejects with the code `ERR_BUFFER_TOO_LARGE` when more
 * than `maxBytes` come out, before much more memory is taken, and with any other Error for what is not in this encoding.
 */
export type Decode = (bytes: Buffer, maxBytes: number) => Promise<Buffer>;

type Unzip = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const gzip = zlibDecoder(promisify(zlib.gunzip));
const zlibFormat = zlibDecoder(promisify(zlib.inflate));
const bareDeflate = zlibDecoder(promisify(zlib.inflateRaw));

/** `deflate` means the zlib format (RFC 9110 §8.4.1.2), but some clients send it bare. */
const deflate: Decode = (bytes, maxBytes) => {
  const isZlib = bytes.length >= 2 && (bytes[0] & 0x0f) === 8 && ((bytes[0] << 8) | bytes[1]) % 31 === 0;
  return (isZlib ? zlibFormat : bareDeflate)(bytes, maxBytes);
};

/** By content coding, in lower case: those of the OpenTelemetry Collector, and the other name of gzip. */
export const DECODERS: ReadonlyMap<string, Decode> = new Map([
  ['gzip', gzip],
  ['x-gzip', gzip],
  ['zstd', zlibDecoder(promisify(zlib.zstdDecompress))],
  ['zlib', zlibFormat],
  ['deflate', deflate],
  ['snappy', unsnappy],
  ['x-snappy-framed', unsnappyFramed],
  ['lz4', unlz4],
]);

function zlibDecoder(unzip: Unzip): Decode {
  return (bytes, maxBytes) => unzip(bytes, { maxOutputLength: maxBytes });
}
