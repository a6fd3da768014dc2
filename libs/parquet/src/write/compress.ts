import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { AppError } from '@vivace/base';
import { compressSync } from 'snappy';
import { Codec } from '../format.ts';

/** Page bodies below this are stored as they are: no codec wins back its own frame. */
const MIN_BYTES = 48;
const ZSTD_PARAMS = { [constants.ZSTD_c_compressionLevel]: 1 };

/** `bytes` compressed, or undefined when that saves less than a twentieth: such pages are stored plain. */
export function compress(codec: Codec, bytes: Uint8Array): Uint8Array | undefined {
  if (codec === Codec.UNCOMPRESSED || bytes.length < MIN_BYTES) return undefined;
  const packed = run(codec, bytes);
  return packed.length * 20 < bytes.length * 19 ? packed : undefined;
}

/** `bytes` compressed, whatever the gain: dictionary pages have no way to say "stored". */
export function compressAlways(codec: Codec, bytes: Uint8Array): Uint8Array {
  return codec === Codec.UNCOMPRESSED ? bytes : run(codec, bytes);
}

function run(codec: Codec, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case Codec.ZSTD:
      // Told the size, zstd sets up tables for it and not for a window of half a megabyte; with room for all of the output there is one buffer, and no copy.
      return zstdCompressSync(bytes, { params: ZSTD_PARAMS, pledgedSrcSize: bytes.length, chunkSize: bytes.length + (bytes.length >>> 8) + 64 });
    case Codec.SNAPPY:
      return compressSync(bytes);
    case Codec.GZIP:
      return gzipSync(bytes, { level: 1 });
    default:
      throw new AppError('unimplemented', `parquet codec ${codec} cannot be written`);
  }
}
