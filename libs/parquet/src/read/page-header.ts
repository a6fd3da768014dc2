import { Encoding, PageType } from '../format.ts';
import type { ByteCursor } from './byte-cursor.ts';
import { ThriftReader } from './thrift-reader.ts';

/** The facts of a page header that a reader needs, of all page kinds. Unknown counts are -1. */
export interface PageHeader {
  readonly type: number;
  readonly uncompressedSize: number;
  readonly compressedSize: number;
  /** CRC-32 of the page as stored; 0 when the writer gave none. */
  readonly crc: number;
  /** Entries of the page, nulls included; of a dictionary: its values. */
  readonly entries: number;
  readonly nulls: number;
  readonly rows: number;
  readonly encoding: Encoding;
  readonly definitionEncoding: number;
  readonly repetitionEncoding: number;
  /** V2 only: bytes of the two level sections. */
  readonly definitionBytes: number;
  readonly repetitionBytes: number;
  /** False when a V2 page's values are stored as they are although the chunk has a codec. */
  readonly compressed: boolean;
}

type MutableHeader = { -readonly [K in keyof PageHeader]: PageHeader[K] };

/** Reads the page header at the cursor and leaves the cursor at the page's body. Source: parquet.thrift, PageHeader. */
export function readPageHeader(cursor: ByteCursor): PageHeader {
  const r = new ThriftReader(cursor);
  const header: MutableHeader = {
    type: -1,
    uncompressedSize: -1,
    compressedSize: -1,
    crc: 0,
    entries: -1,
    nulls: -1,
    rows: -1,
    encoding: Encoding.PLAIN,
    definitionEncoding: Encoding.RLE,
    repetitionEncoding: Encoding.RLE,
    definitionBytes: 0,
    repetitionBytes: 0,
    compressed: true,
  };
  let described = -1;
  const outer = r.enter();
  while (r.nextField()) {
    switch (r.fieldId) {
      case 1:
        header.type = r.int();
        break;
      case 2:
        header.uncompressedSize = r.size();
        break;
      case 3:
        header.compressedSize = r.size();
        break;
      case 4:
        header.crc = r.int() >>> 0;
        break;
      case 5:
        described = PageType.DATA_PAGE;
        readV1(r, header);
        break;
      case 7:
        described = PageType.DICTIONARY_PAGE;
        readDictionary(r, header);
        break;
      case 8:
        described = PageType.DATA_PAGE_V2;
        readV2(r, header);
        break;
      default:
        r.skip();
    }
  }
  r.leave(outer);
  const { type, entries, nulls } = header;
  if (type < 0 || header.uncompressedSize < 0 || header.compressedSize < 0) r.fail('page header lacks a required field');
  if (type !== PageType.INDEX_PAGE && (described !== type || entries < 0)) r.fail(`page header of type ${type} lacks its details`);
  if (type === PageType.DATA_PAGE_V2 && (nulls < 0 || nulls > entries)) r.fail(`page header counts ${nulls} nulls in ${entries} entries`);
  return header;
}

function readV1(r: ThriftReader, header: MutableHeader): void {
  const outer = r.enterField();
  while (r.nextField()) {
    if (r.fieldId === 1) header.entries = r.size();
    else if (r.fieldId === 2) header.encoding = r.int() as Encoding;
    else if (r.fieldId === 3) header.definitionEncoding = r.int();
    else if (r.fieldId === 4) header.repetitionEncoding = r.int();
    else r.skip();
  }
  r.leave(outer);
}

function readDictionary(r: ThriftReader, header: MutableHeader): void {
  const outer = r.enterField();
  while (r.nextField()) {
    if (r.fieldId === 1) header.entries = r.size();
    else if (r.fieldId === 2) header.encoding = r.int() as Encoding;
    else r.skip();
  }
  r.leave(outer);
}

function readV2(r: ThriftReader, header: MutableHeader): void {
  const outer = r.enterField();
  while (r.nextField()) {
    if (r.fieldId === 1) header.entries = r.size();
    else if (r.fieldId === 2) header.nulls = r.size();
    else if (r.fieldId === 3) header.rows = r.size();
    else if (r.fieldId === 4) header.encoding = r.int() as Encoding;
    else if (r.fieldId === 5) header.definitionBytes = r.size();
    else if (r.fieldId === 6) header.repetitionBytes = r.size();
    else if (r.fieldId === 7) header.compressed = r.bool();
    else r.skip();
  }
  r.leave(outer);
}
