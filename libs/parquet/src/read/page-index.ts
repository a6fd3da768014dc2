import type { ColumnIndex, OffsetIndex, PageLocation } from '../format.ts';
import { ByteCursor } from './byte-cursor.ts';
import { ThriftReader } from './thrift-reader.ts';

/** Parses an offset index; pages are checked to ascend in rows. Source: parquet.thrift, OffsetIndex. */
export function parseOffsetIndex(bytes: Uint8Array, name: string, offset: number): OffsetIndex {
  const r = new ThriftReader(new ByteCursor(bytes, name, offset));
  let pages: PageLocation[] = [];
  const outer = r.enter();
  while (r.nextField()) {
    if (r.fieldId === 1) pages = Array.from({ length: r.list('struct') }, () => parsePageLocation(r));
    else r.skip();
  }
  r.leave(outer);
  for (let i = 0; i < pages.length; i++) {
    const before = i === 0 ? -1 : pages[i - 1].firstRowIndex;
    if (pages[i].firstRowIndex <= before || (i === 0 && pages[0].firstRowIndex !== 0))
      r.fail(`page ${i} starts at row ${pages[i].firstRowIndex} after row ${before}`);
  }
  return { pages };
}

/** Parses a column index; the lists have one entry a page. Bounds borrow the bytes. Source: parquet.thrift, ColumnIndex. */
export function parseColumnIndex(bytes: Uint8Array, name: string, offset: number): ColumnIndex {
  const r = new ThriftReader(new ByteCursor(bytes, name, offset));
  let nullPages: boolean[] = [];
  let minValues: Uint8Array[] = [];
  let maxValues: Uint8Array[] = [];
  let boundaryOrder = 0;
  let nullCounts: number[] | undefined;
  const outer = r.enter();
  while (r.nextField()) {
    switch (r.fieldId) {
      case 1:
        nullPages = Array.from({ length: r.list('bool') }, () => r.listBool());
        break;
      case 2:
        minValues = Array.from({ length: r.list('binary') }, () => r.binary());
        break;
      case 3:
        maxValues = Array.from({ length: r.list('binary') }, () => r.binary());
        break;
      case 4:
        boundaryOrder = r.int();
        break;
      case 5:
        nullCounts = Array.from({ length: r.list('int') }, () => r.size());
        break;
      default:
        r.skip();
    }
  }
  r.leave(outer);
  if (minValues.length !== nullPages.length || maxValues.length !== nullPages.length) r.fail('column index lists differ in length');
  return { nullPages, minValues, maxValues, boundaryOrder, ...(nullCounts && { nullCounts }) };
}

function parsePageLocation(r: ThriftReader): PageLocation {
  let offset = -1;
  let compressedPageSize = -1;
  let firstRowIndex = -1;
  const outer = r.enter();
  while (r.nextField()) {
    if (r.fieldId === 1) offset = r.size();
    else if (r.fieldId === 2) compressedPageSize = r.size();
    else if (r.fieldId === 3) firstRowIndex = r.size();
    else r.skip();
  }
  r.leave(outer);
  if (offset < 0 || compressedPageSize < 0 || firstRowIndex < 0) r.fail('page location lacks a required field');
  return { offset, compressedPageSize, firstRowIndex };
}
