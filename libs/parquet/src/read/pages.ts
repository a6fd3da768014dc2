import { crc32 } from 'node:zlib';
import type { Codec } from '../format.ts';
import { Encoding, PageType, PhysicalType } from '../format.ts';
import { ByteCursor } from './byte-cursor.ts';
import { decodePlainByteArrays } from './byte-arrays.ts';
import { ByteDictionary } from './byte-dictionary.ts';
import { decompress, MAX_PAGE_BYTES } from './codec.ts';
import { corrupt } from './corrupt.ts';
import { readPageHeader } from './page-header.ts';
import type { PageHeader } from './page-header.ts';
import { decodePlainNumbers } from './plain.ts';
import type { NumberValues } from './plain.ts';
import type { ReadLeaf } from './schema-leaves.ts';

/** No page may claim more entries than this. A run-length coded page of a few bytes can hold any number of them. */
const MAX_PAGE_ENTRIES = 1 << 26;

/** Bytes of the object from `offset` on: a column chunk, or some of its pages. */
export interface Section {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

export type Dictionary = ByteDictionary | NumberValues;

/** A data page split into its sections; values are still encoded and, in V2 pages, compressed. */
export interface DataPage {
  readonly offset: number;
  readonly entries: number;
  /** Non-null values, -1 when only the definition levels tell. */
  readonly present: number;
  readonly encoding: Encoding;
  readonly repetition: Section;
  readonly definition: Section;
  readonly values: Section;
  /** Size of `values` once decompressed, or -1 when they are plain already. */
  readonly valuesSize: number;
}

export interface ChunkPages {
  readonly dictionary: Dictionary | undefined;
  readonly pages: readonly DataPage[];
}

export interface PageContext {
  readonly name: string;
  readonly leaf: ReadLeaf;
  readonly codec: Codec;
  /** Check the CRC of pages that carry one. */
  readonly checkCrc: boolean;
}

/** Splits sections into pages. Decompresses dictionaries and V1 pages, whose levels are compressed with the values. */
export function splitPages(context: PageContext, sections: readonly Section[]): ChunkPages {
  const { name, leaf, codec } = context;
  let dictionary: Dictionary | undefined;
  const pages: DataPage[] = [];
  for (const section of sections) {
    const cursor = new ByteCursor(section.bytes, name, section.offset);
    while (cursor.pos < cursor.end) {
      const offset = section.offset + cursor.pos;
      const header = readPageHeader(cursor);
      const bodyOffset = section.offset + cursor.pos;
      const body = cursor.take(header.compressedSize);
      if (header.type === PageType.INDEX_PAGE) continue;
      if (header.entries > MAX_PAGE_ENTRIES) throw corrupt(name, offset, `page of ${header.entries} entries, more than ${MAX_PAGE_ENTRIES},`);
      if (header.uncompressedSize > MAX_PAGE_BYTES) throw corrupt(name, offset, `page of ${header.uncompressedSize} bytes, more than ${MAX_PAGE_BYTES},`);
      if (context.checkCrc && header.crc !== 0 && crc32(body) !== header.crc) throw corrupt(name, offset, 'page does not match its CRC');
      if (header.type === PageType.DICTIONARY_PAGE) {
        if (dictionary !== undefined) throw corrupt(name, offset, 'second dictionary page');
        const plain = decompress(codec, body, header.uncompressedSize, name, bodyOffset);
        dictionary = decodeDictionary(new ByteCursor(plain, name, bodyOffset), leaf, header.entries);
      } else if (header.type === PageType.DATA_PAGE_V2) pages.push(splitV2(context, header, body, bodyOffset, offset));
      else if (header.type === PageType.DATA_PAGE) pages.push(splitV1(context, header, body, bodyOffset, offset));
      else throw corrupt(name, offset, `page of unknown type ${header.type}`);
    }
  }
  return { dictionary, pages };
}

function decodeDictionary(cursor: ByteCursor, leaf: ReadLeaf, count: number): Dictionary {
  if (leaf.type !== PhysicalType.BYTE_ARRAY) return decodePlainNumbers(cursor, leaf, count);
  const { bytes, ends } = decodePlainByteArrays(cursor, count);
  return new ByteDictionary(bytes, ends);
}

function splitV2(context: PageContext, header: PageHeader, body: Uint8Array, bodyOffset: number, offset: number): DataPage {
  const levels = header.repetitionBytes + header.definitionBytes;
  if (levels > body.length || levels > header.uncompressedSize) throw corrupt(context.name, offset, `page with ${levels} bytes of levels`);
  const packed = header.compressed && context.codec !== 0;
  const valuesSize = header.uncompressedSize - levels;
  if (!packed && body.length !== header.uncompressedSize)
    throw corrupt(context.name, offset, `page of ${body.length} bytes, ${header.uncompressedSize} are due,`);
  return {
    offset,
    entries: header.entries,
    present: header.entries - header.nulls,
    encoding: header.encoding,
    repetition: { bytes: body.subarray(0, header.repetitionBytes), offset: bodyOffset },
    definition: { bytes: body.subarray(header.repetitionBytes, levels), offset: bodyOffset + header.repetitionBytes },
    values: { bytes: body.subarray(levels), offset: bodyOffset + levels },
    // A page without values may come without a compressed body.
    valuesSize: packed ? valuesSize : -1,
  };
}

function splitV1(context: PageContext, header: PageHeader, body: Uint8Array, bodyOffset: number, offset: number): DataPage {
  const { leaf, name } = context;
  const cursor = new ByteCursor(decompress(context.codec, body, header.uncompressedSize, name, bodyOffset), name, bodyOffset);
  const level = (max: number, encoding: number): Section => {
    if (max === 0) return { bytes: new Uint8Array(0), offset: bodyOffset };
    if (encoding !== Encoding.RLE) throw corrupt(name, offset, `level encoding ${encoding} is not supported, want RLE,`);
    const length = cursor.u32le();
    const at = bodyOffset + cursor.pos;
    return { bytes: cursor.take(length), offset: at };
  };
  const repetition = level(leaf.maxRepetition, header.repetitionEncoding);
  const definition = level(leaf.maxDefinition, header.definitionEncoding);
  return {
    offset,
    entries: header.entries,
    present: leaf.maxDefinition === 0 ? header.entries : -1,
    encoding: header.encoding,
    repetition,
    definition,
    values: { bytes: cursor.bytes.subarray(cursor.pos), offset: bodyOffset + cursor.pos },
    valuesSize: -1,
  };
}
