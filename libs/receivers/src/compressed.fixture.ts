import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32c } from '@node-rs/crc32';
import snappy from 'snappy';
import { xxh32 } from './xxh32.ts';

/** What is in the files of the lz4 program (1.9.4): 150,000 bytes, that is three blocks of 64 KiB. */
export function plainText(): Buffer {
  let text = '';
  for (let x = 7; text.length < 150_000; ) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    text += x >>> 24 < 40 ? `span ${(x >>> 16) % 100}\n` : 'GET /cart/checkout service.name=shop\n';
  }
  return Buffer.from(text);
}

/**
 * A file of `testdata/lz4`. Of `plainText`: `default`, `linked` (-B4 -BD), `checked` (-B4 -BX --content-size), `plain` (-B4 --no-frame-crc -9). `stored`
 * and `legacy` (-l) are of 1,000 random bytes, `empty` of none.
 */
export function lz4File(name: string): Buffer {
  return readFileSync(fileURLToPath(new URL(`../../../testdata/lz4/${name}.lz4`, import.meta.url)));
}

/** A frame of one linked block of at most 64 KiB, without checksums; the block begins at byte 11. */
export function lz4Frame(block: Uint8Array): Buffer {
  const bytes = Buffer.concat([Buffer.from('04224d18404000', 'hex'), Buffer.alloc(4), block, Buffer.alloc(4)]);
  bytes[6] = (xxh32(bytes, 4, 6) >>> 8) & 0xff;
  bytes.writeUInt32LE(block.length, 7);
  return bytes;
}

/** `bytes` as a framed stream, by the library. */
export async function snappyFramed(bytes: Uint8Array): Promise<Buffer> {
  const compressor = new snappy.Compressor();
  return Buffer.concat([compressor.update(bytes), await compressor.finish()]);
}

/** A framed stream of one chunk: its type, its data (without checksum) and a good checksum of `plain`. */
export function snappyChunk(type: number, data: Uint8Array, plain: Uint8Array): Buffer {
  const crc = crc32c(plain);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(data.length + 4);
  head.copy(head, 1, 0, 3);
  head[0] = type;
  head.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, 4);
  return Buffer.concat([SNAPPY_IDENTIFIER, head, data]);
}

export const SNAPPY_IDENTIFIER = Buffer.from('ff060000734e61507059', 'hex');
