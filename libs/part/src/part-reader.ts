import fs from 'node:fs';
import zlib from 'node:zlib';
import { AppError } from '@vivace/base';
import { SpanTable, StringDictionary } from '@vivace/trace';
import type { AttrListHandle, SpanTableHandle, StringDictionaryHandle } from '@vivace/trace';
import { PART_MAGIC, PART_PREFIX_BYTES, PART_VERSION, SECTIONS } from './part-format.ts';
import type { Level, PartHeader, SectionEntry } from './part-format.ts';

const ROWS_OF = new Map<string, { readonly level: Level; readonly bytesPerRow: number }>([
  ...SECTIONS.map((s) => [s.name, s] as const),
  ['traceSpans', { level: 'traceEdge', bytesPerRow: 4 }],
]);
const NOTHING = new Uint8Array(0);
const MAX_HEADER_BYTES = 1 << 20;

export interface PartReaderOptions {
  /** Keep every section that was read, whole, for the life of the reader. */
  readonly keep?: boolean;
  /** Read into the same memory again: a table of `readTraces` is valid until the next one. */
  readonly reuse?: boolean;
}

/** Rows `[from, to)` of a level. */
interface Rows {
  readonly from: number;
  readonly to: number;
}

/**
 * One open part file. Reads are synchronous (the file is local and lately written): use it in a worker. A damaged file gives
 * `data_loss` with name and offset. The caller closes it; a read after that opens it again.
 *
 * With `keep` sections stay in memory once read, and the dictionary gets an index: for a part that many queries look at.
 */
export class PartReader {
  readonly path: string;
  readonly header: PartHeader;
  /** Bytes read so far. */
  bytesRead = 0;
  readonly #kept: Map<string, Uint8Array<ArrayBuffer>> | undefined;
  readonly #scratch: Map<string, Uint8Array<ArrayBuffer>> | undefined;
  #heldBytes = 0;
  #fd: number | undefined;
  readonly #sections: Map<string, SectionEntry>;
  #strings: StringDictionaryHandle | undefined;
  #traceSpans: Uint32Array | undefined;

  constructor(path: string, { keep = false, reuse = false }: PartReaderOptions = {}) {
    this.path = path;
    this.#kept = keep ? new Map() : undefined;
    this.#scratch = reuse ? new Map() : undefined;
    try {
      this.header = this.#readHeader();
      this.#sections = new Map(this.header.sections.map((s) => [s.name, s]));
      this.#check();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Bytes of the sections kept. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** `traceCount + 1` offsets into the spans. */
  traceSpans(): Uint32Array {
    return (this.#traceSpans ??= asU32(this.#read('traceSpans')));
  }

  traceIds(): Uint8Array {
    return this.#read('traceId');
  }

  /**
   * Traces `[from, to)` as a table in storage order. `wanted` names the sections to read (undefined: all); columns of the others
   * are empty and must not be asked for. Strings are shared between the tables of one reader.
   */
  readTraces(from = 0, to = this.header.counts.trace, wanted?: ReadonlySet<string>): SpanTable {
    const edges = this.traceSpans();
    const span: Rows = { from: edges[from], to: edges[to] };
    const u8 = (name: string, rows?: Rows) => this.#wanted(name, wanted, rows);
    const u32 = (name: string, rows?: Rows) => asU32(this.#wanted(name, wanted, rows));
    const i32 = (name: string, rows?: Rows) => asI32(this.#wanted(name, wanted, rows));
    const f64 = (name: string, rows?: Rows) => asF64(this.#wanted(name, wanted, rows));
    /** End offsets of `owner` rows, made relative; and the rows they span at the level below. */
    const children = (name: string, owner: Rows): { ends: Uint32Array; rows: Rows } => {
      const ends = u32(name, owner);
      if (ends.length === 0) return { ends, rows: { from: 0, to: 0 } };
      const base = owner.from === 0 ? 0 : asU32(this.#read(name, { from: owner.from - 1, to: owner.from }, false))[0];
      const last = ends[ends.length - 1];
      // Kept sections are shared: what is made relative is a copy.
      const relative = base !== 0 && this.#kept ? ends.slice() : ends;
      if (base !== 0) for (let i = 0; i < relative.length; i++) relative[i] -= base;
      return { ends: relative, rows: { from: base, to: last } };
    };
    const attrs = (name: string, rows: Rows): AttrListHandle => ({
      count: rows.to - rows.from,
      key: u32(`${name}AttrKey`, rows),
      type: u8(`${name}AttrType`, rows),
      value: f64(`${name}AttrValue`, rows),
    });
    const counts = this.header.counts;
    const all = (level: Level): Rows => ({ from: 0, to: counts[level] });
    const events = children('spanEventEnd', span);
    const links = children('spanLinkEnd', span);
    const spanAttr = children('spanAttrEnd', span);
    const eventAttr = children('eventAttrEnd', events.rows);
    const linkAttr = children('linkAttrEnd', links.rows);
    const spanTrace = new Uint32Array(span.to - span.from);
    for (let t = from; t < to; t++) spanTrace.fill(t - from, edges[t] - span.from, edges[t + 1] - span.from);
    const trace: Rows = { from, to };
    const handle: SpanTableHandle = {
      id: Math.random(),
      generation: 0,
      counts: {
        traceCount: to - from,
        resourceCount: counts.resource,
        scopeCount: counts.scope,
        batchCount: 0,
        spanCount: span.to - span.from,
        eventCount: events.rows.to - events.rows.from,
        linkCount: links.rows.to - links.rows.from,
      },
      columns: {
        traceId: u8('traceId', trace),
        traceBytes: f64('traceBytes', trace),
        traceSlots: new Uint32Array(0),
        resourceService: u32('resourceService'),
        resourceDropped: i32('resourceDropped'),
        resourceAttrEnd: u32('resourceAttrEnd'),
        scopeName: u32('scopeName'),
        scopeVersion: u32('scopeVersion'),
        scopeDropped: i32('scopeDropped'),
        scopeAttrEnd: u32('scopeAttrEnd'),
        batchStart: new Uint32Array(0),
        spanTrace,
        spanResource: u32('spanResource', span),
        spanScope: u32('spanScope', span),
        spanId: u8('spanId', span),
        spanParentId: u8('spanParentId', span),
        spanStart: u32('spanStart', span),
        spanDuration: f64('spanDuration', span),
        spanKind: u8('spanKind', span),
        spanStatus: u8('spanStatus', span),
        spanName: u32('spanName', span),
        spanStatusMessage: u32('spanStatusMessage', span),
        spanTraceState: u32('spanTraceState', span),
        spanDroppedAttrs: i32('spanDroppedAttrs', span),
        spanDroppedEvents: i32('spanDroppedEvents', span),
        spanDroppedLinks: i32('spanDroppedLinks', span),
        spanAttrEnd: spanAttr.ends,
        spanEventEnd: events.ends,
        spanLinkEnd: links.ends,
        eventOffset: u32('eventOffset', events.rows),
        eventName: u32('eventName', events.rows),
        eventDropped: i32('eventDropped', events.rows),
        eventAttrEnd: eventAttr.ends,
        linkTraceId: u8('linkTraceId', links.rows),
        linkSpanId: u8('linkSpanId', links.rows),
        linkTraceState: u32('linkTraceState', links.rows),
        linkDropped: i32('linkDropped', links.rows),
        linkAttrEnd: linkAttr.ends,
      },
      traceSeed: 0,
      strings: this.#dictionary(),
      attrs: {
        resource: attrs('resource', all('resourceAttr')),
        scope: attrs('scope', all('scopeAttr')),
        span: attrs('span', spanAttr.rows),
        event: attrs('event', eventAttr.rows),
        link: attrs('link', linkAttr.rows),
        elements: { count: counts.element, key: new Uint32Array(0), type: u8('elementType'), value: f64('elementValue') },
      },
    };
    return new SpanTable({}, handle);
  }

  /** Reads every section and compares its checksum; throws `data_loss` on the first difference. */
  verify(): void {
    for (const s of this.header.sections) {
      if (zlib.crc32(this.#readAt(s.offset, s.length)) !== s.crc) throw this.#damaged(`section ${s.name} has a wrong checksum`, s.offset);
    }
  }

  #dictionary(): StringDictionaryHandle {
    if (!this.#strings) {
      const { string, stringByte } = this.header.counts;
      const data = this.#read('stringData');
      const bare = { size: string, dataLength: stringByte, data, ends: asU32(this.#read('stringEnd')) };
      // Without an index: merging does not look strings up, and a query builds it when it does.
      this.#strings = this.#kept ? new StringDictionary(bare).handle() : bare;
    }
    return this.#strings;
  }

  #wanted(name: string, wanted: ReadonlySet<string> | undefined, rows?: Rows): Uint8Array<ArrayBuffer> {
    return wanted && !wanted.has(name) ? NOTHING : this.#read(name, rows);
  }

  /** The rows of a section; the caller must not write into them when sections are kept. */
  #read(name: string, rows?: Rows, reuse = this.#scratch !== undefined): Uint8Array<ArrayBuffer> {
    const entry = this.#sections.get(name);
    const type = ROWS_OF.get(name);
    if (!entry || !type) throw this.#damaged(`section ${name} is missing`, 0);
    const from = (rows?.from ?? 0) * type.bytesPerRow;
    const to = rows ? rows.to * type.bytesPerRow : entry.length;
    if (this.#kept) return this.#keep(name, entry, this.#kept).subarray(from, to);
    return this.#readAt(entry.offset + from, to - from, rows && reuse ? this.#scratchOf(name, to - from) : undefined);
  }

  #keep(name: string, entry: SectionEntry, kept: Map<string, Uint8Array<ArrayBuffer>>): Uint8Array<ArrayBuffer> {
    let bytes = kept.get(name);
    if (bytes === undefined) {
      bytes = this.#readAt(entry.offset, entry.length);
      kept.set(name, bytes);
      this.#heldBytes += entry.length;
    }
    return bytes;
  }

  #scratchOf(name: string, length: number): Uint8Array<ArrayBuffer> | undefined {
    let bytes = this.#scratch?.get(name);
    if (this.#scratch && (bytes === undefined || bytes.length < length)) {
      bytes = new Uint8Array(Math.ceil(length / 8) * 16);
      this.#scratch.set(name, bytes);
    }
    return bytes?.subarray(0, length);
  }

  #open(): number {
    this.#fd ??= fs.openSync(this.path, 'r');
    return this.#fd;
  }

  #readAt(offset: number, length: number, bytes = new Uint8Array(length)): Uint8Array<ArrayBuffer> {
    let done = 0;
    while (done < length) {
      const n = fs.readSync(this.#open(), bytes, done, length - done, offset + done);
      if (n === 0) throw this.#damaged(`file ends ${length - done} bytes early`, offset + done);
      done += n;
    }
    this.bytesRead += length;
    return bytes;
  }

  #readHeader(): PartHeader {
    const prefix = new DataView(this.#readAt(0, PART_PREFIX_BYTES).buffer);
    if (prefix.getUint32(0, true) !== PART_MAGIC) throw this.#damaged('not a part file', 0);
    const version = prefix.getUint32(4, true);
    if (version !== PART_VERSION) throw this.#damaged(`unsupported part version ${version}, want ${PART_VERSION}`, 4);
    const length = prefix.getUint32(8, true);
    if (length > MAX_HEADER_BYTES) throw this.#damaged(`header of ${length} bytes exceeds ${MAX_HEADER_BYTES}`, 8);
    const json = this.#readAt(PART_PREFIX_BYTES, length);
    if (zlib.crc32(json) !== prefix.getUint32(12, true)) throw this.#damaged('header has a wrong checksum', PART_PREFIX_BYTES);
    return JSON.parse(new TextDecoder().decode(json)) as PartHeader;
  }

  /** Lengths agree with counts and lie within the file, so that nothing later allocates or reads beyond it. */
  #check(): void {
    const size = fs.fstatSync(this.#open()).size;
    for (const [name, type] of ROWS_OF) {
      const entry = this.#sections.get(name);
      if (!entry) throw this.#damaged(`section ${name} is missing`, 0);
      if (entry.length !== this.header.counts[type.level] * type.bytesPerRow) throw this.#damaged(`section ${name} has ${entry.length} bytes`, entry.offset);
      if (entry.offset + entry.length > size) throw this.#damaged(`section ${name} ends beyond the file's ${size} bytes`, entry.offset);
    }
  }

  #damaged(what: string, offset: number): AppError {
    return new AppError('data_loss', `part ${this.path}: ${what} (offset ${offset})`);
  }
}

function asU32(bytes: Uint8Array<ArrayBuffer>): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
}

function asI32(bytes: Uint8Array<ArrayBuffer>): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
}

function asF64(bytes: Uint8Array<ArrayBuffer>): Float64Array {
  return new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 3);
}
