import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { uncompressSync } from 'snappy';
import { Codec } from '../format.ts';
import { ByteCursor } from './byte-cursor.ts';
import { corrupt } from './corrupt.ts';

/** No page may claim more decoded bytes than this: writers cut pages at megabytes, dictionaries at tens of them. */
export const MAX_PAGE_BYTES = 1 << 28;

/**
 * Decompresses one page body into exactly `size` bytes. For UNCOMPRESSED the result borrows `bytes`, else it is new.
 * Throws `data_loss` when the bytes do not decompress to that size, `unimplemented` for LZO, BROTLI and LZ4.
 */
export function decompress(codec: Codec, bytes: Uint8Array, size: number, name: string, offset: number): Uint8Array {
  if (size > MAX_PAGE_BYTES) throw corrupt(name, offset, `page of ${size} bytes, more than ${MAX_PAGE_BYTES},`);
  if (size === 0 && bytes.length === 0) return bytes;
  const out = inflate(codec, bytes, size, name, offset);
  if (out.length !== size) throw corrupt(name, offset, `page decompresses to ${out.length} bytes, ${size} are due,`);
  return out;
}

/** Room for the whole page at once saves a copy; what a damaged header may reserve is bounded. */
function chunkSize(size: number): number {
  return Math.min(Math.max(size + 1, 1024), 1 << 22);
}

function inflate(codec: Codec, bytes: Uint8Array, size: number, name: string, offset: number): Uint8Array {
  try {
    switch (codec) {
      case Codec.UNCOMPRESSED:
        return bytes;
      case Codec.SNAPPY: {
        // Snappy allocates what its own preamble says: believe it only when it agrees with the page header.
        const said = new ByteCursor(bytes, name, offset).uvarint32();
        if (said !== size) throw corrupt(name, offset, `snappy preamble of ${said} bytes, ${size} are due,`);
        return uncompressSync(bytes, { asBuffer: true }) as Uint8Array;
      }
      case Codec.GZIP:
        return gunzipSync(bytes, { maxOutputLength: size + 1, chunkSize: chunkSize(size) });
      case Codec.ZSTD:
        return zstdDecompressSync(bytes, { maxOutputLength: size + 1, chunkSize: chunkSize(size) });
      default:
        break;
    }
  } catch (cause) {
    throw corrupt(name, offset, 'page does not decompress', cause);
  }
  throw corrupt(name, offset, `codec ${codec} is not supported, want none, snappy, gzip or zstd,`);
}
