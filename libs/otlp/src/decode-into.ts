import type { SpanTable } from '@vivace/trace';
import { decodeAttribute } from './decode-attributes.ts';
import { DecodeContext } from './decode-context.ts';
import { TableInterner } from './message-interner.ts';
import { cursor, plainBytes, readLength, readU32, readVarint, readVarint64, skipValue } from './wire.ts';

export interface DecodeOptions {
  /** Longer attribute keys and string values are cut, on a UTF-8 boundary. 0 = no limit. */
  readonly maxAttributeBytes: number;
}

/** What a decode tells besides rows; added to by every call. */
export interface DecodeStats {
  /** Keys and string values cut at `maxAttributeBytes`. */
  cutStrings: number;
}

/**
 * The fold: an ExportTraceServiceRequest becomes rows of `table` in one pass; strings are copied, `bytes` may be reused.
 *
 * Only for bytes in which `scanExport` refused no span (remove those with `regroup`); for such bytes it cannot fail, for others the
 * result is undefined. A span that ends before it starts gets duration 0, a parent of eight zero bytes is a root, enum values that
 * OTLP does not know become 0, a singular field that occurs twice has its last value.
 */
export function decodeInto(bytes: Uint8Array, table: SpanTable, options: DecodeOptions, stats: DecodeStats): void {
  const b = plainBytes(bytes);
  const end = b.length;
  const max = options.maxAttributeBytes > 0 ? options.maxAttributeBytes : Number.MAX_SAFE_INTEGER;
  const interner = internerOf(table, max);
  interner.context.view = new DataView(b.buffer, b.byteOffset, b.byteLength);
  const cutBefore = interner.context.cutStrings;
  for (let p = 0; p < end; ) {
    const tag = readVarint(b, p, end);
    p = cursor.pos;
    if (tag === 0x0a) {
      const n = readLength(b, p, end);
      const at = cursor.pos;
      p = at + n;
      decodeResourceSpans(b, at, p, interner);
    } else p = skipValue(b, tag, p, end);
  }
  stats.cutStrings += interner.context.cutStrings - cutBefore;
}

const interners = new WeakMap<SpanTable, TableInterner>();

/** Rows decoded under another length limit, or before the table was cleared, must not be found again: it starts afresh. */
function internerOf(table: SpanTable, max: number): TableInterner {
  let interner = interners.get(table);
  if (interner?.context.maxAttributeBytes !== max || interner.generation !== table.generation) {
    interner = new TableInterner(new DecodeContext(table, max));
    interners.set(table, interner);
  }
  return interner;
}

function decodeResourceSpans(b: Uint8Array, from: number, to: number, interner: TableInterner): void {
  const { table } = interner.context;
  const first = table.spanCount;
  // The resource may come after the scopes it describes.
  let at = from;
  let end = from;
  for (let p = from; p < to; ) {
    const tag = readVarint(b, p, to);
    p = cursor.pos;
    if (tag === 0x12 /* scope_spans */ || tag === 0x0a /* resource */) {
      const n = readLength(b, p, to);
      p = cursor.pos + n;
      if (tag === 0x12) decodeScopeSpans(b, p - n, p, interner);
      else {
        at = p - n;
        end = p;
      }
    } else p = skipValue(b, tag, p, to);
  }
  table.spanResource.fill(interner.resource(b, at, end), first, table.spanCount);
}

function decodeScopeSpans(b: Uint8Array, from: number, to: number, interner: TableInterner): void {
  const { context } = interner;
  const { table } = context;
  const first = table.spanCount;
  let at = from;
  let end = from;
  for (let p = from; p < to; ) {
    const tag = readVarint(b, p, to);
    p = cursor.pos;
    if (tag === 0x12 /* spans */ || tag === 0x0a /* scope */) {
      const n = readLength(b, p, to);
      p = cursor.pos + n;
      if (tag === 0x12) decodeSpan(b, p - n, p, context);
      else {
        at = p - n;
        end = p;
      }
    } else p = skipValue(b, tag, p, to);
  }
  table.spanScope.fill(interner.scope(b, at, end), first, table.spanCount);
}

/** Appends a span; its resource and scope are filled in when all of them are known. */
function decodeSpan(b: Uint8Array, from: number, to: number, context: DecodeContext): void {
  const { table, strings } = context;
  const spanAttrs = table.spanAttrs;
  const firstEvent = table.eventCount;
  let traceIdAt = 0;
  let spanIdAt = 0;
  let parentAt = 0;
  let startLo = 0;
  let startHi = 0;
  let endLo = 0;
  let endHi = 0;
  let name = 0;
  let traceState = 0;
  let kind = 0;
  let droppedAttrs = 0;
  let droppedEvents = 0;
  let droppedLinks = 0;
  let statusFrom = 0;
  let statusTo = 0;
  for (let p = from; p < to; ) {
    const tag = readVarint(b, p, to);
    p = cursor.pos;
    switch (tag) {
      case 0x39: // start_time_unix_nano
        startLo = readU32(b, p);
        startHi = readU32(b, p + 4);
        p += 8;
        break;
      case 0x41: // end_time_unix_nano
        endLo = readU32(b, p);
        endHi = readU32(b, p + 4);
        p += 8;
        break;
      case 0x30: // kind
        kind = readVarint(b, p, to);
        p = cursor.pos;
        break;
      case 0x50: // dropped_attributes_count
        readVarint64(b, p);
        droppedAttrs = cursor.lo;
        p = cursor.pos;
        break;
      case 0x60: // dropped_events_count
        readVarint64(b, p);
        droppedEvents = cursor.lo;
        p = cursor.pos;
        break;
      case 0x70: // dropped_links_count
        readVarint64(b, p);
        droppedLinks = cursor.lo;
        p = cursor.pos;
        break;
      case 0x0a: // trace_id
      case 0x12: // span_id
      case 0x1a: // trace_state
      case 0x22: // parent_span_id
      case 0x2a: // name
      case 0x4a: // attributes
      case 0x5a: // events
      case 0x6a: // links
      case 0x7a: {
        // status
        const n = readLength(b, p, to);
        const at = cursor.pos;
        p = at + n;
        if (tag === 0x4a) decodeAttribute(b, at, p, context, spanAttrs);
        else if (tag === 0x0a) traceIdAt = at;
        else if (tag === 0x12) spanIdAt = at;
        else if (tag === 0x22) parentAt = n === 8 ? at : 0;
        else if (tag === 0x2a) name = strings.intern(b, at, p);
        else if (tag === 0x1a) traceState = strings.intern(b, at, p);
        else if (tag === 0x5a) decodeEvent(b, at, p, context);
        else if (tag === 0x6a) decodeLink(b, at, p, context);
        else {
          statusFrom = at;
          statusTo = p;
        }
        break;
      }
      default:
        p = skipValue(b, tag, p, to);
    }
  }

  const row = table.spanCount;
  if (row === table.spanTrace.length) table.ensureSpans(1);
  const trace = table.internTrace(b, traceIdAt);
  table.traceBytes[trace] += to - from;
  table.spanTrace[row] = trace;
  copy8(b, spanIdAt, table.spanId, row * 8);
  if (parentAt !== 0) copy8(b, parentAt, table.spanParentId, row * 8);
  else table.spanParentId.fill(0, row * 8, row * 8 + 8);
  table.spanStart[2 * row] = startLo;
  table.spanStart[2 * row + 1] = startHi;
  const duration = (endHi - startHi) * 4294967296 + (endLo - startLo);
  table.spanDuration[row] = duration > 0 ? duration : 0;
  table.spanKind[row] = kind <= 5 ? kind : 0;
  table.spanName[row] = name;
  table.spanTraceState[row] = traceState;
  table.spanDroppedAttrs[row] = droppedAttrs;
  table.spanDroppedEvents[row] = droppedEvents;
  table.spanDroppedLinks[row] = droppedLinks;
  table.spanStatus[row] = table.spanStatusMessage[row] = 0;
  if (statusFrom !== statusTo) decodeStatus(b, statusFrom, statusTo, table, row);
  if (table.eventCount !== firstEvent) eventTimesToOffsets(table.eventOffset, firstEvent, table.eventCount, startLo, startHi);
  table.spanAttrEnd[row] = spanAttrs.count;
  table.spanEventEnd[row] = table.eventCount;
  table.spanLinkEnd[row] = table.linkCount;
  table.spanCount = row + 1;
}

function copy8(from: Uint8Array, at: number, to: Uint8Array, toAt: number): void {
  for (let i = 0; i < 8; i++) to[toAt + i] = from[at + i];
}

function decodeStatus(b: Uint8Array, from: number, to: number, table: SpanTable, row: number): void {
  let code = 0;
  for (let p = from; p < to; ) {
    const tag = readVarint(b, p, to);
    p = cursor.pos;
    if (tag === 0x12 /* message */) {
      const n = readLength(b, p, to);
      const at = cursor.pos;
      p = at + n;
      table.spanStatusMessage[row] = table.strings.intern(b, at, p);
    } else if (tag === 0x18 /* code */) {
      code = readVarint(b, p, to);
      p = cursor.pos;
    } else p = skipValue(b, tag, p, to);
  }
  table.spanStatus[row] = code <= 2 ? code : 0;
}

/** Appends an event; its offset column gets the absolute time, because the span's start may come later in the bytes. */
function decodeEvent(b: Uint8Array, from: number, to: number, context: DecodeContext): void {
  const { table } = context;
  const row = table.eventCount;
  if (row === table.eventName.length) table.ensureEvents(1);
  table.eventCount = row + 1;
  table.eventOffset[2 * row] = table.eventOffset[2 * row + 1] = table.eventName[row] = table.eventDropped[row] = 0;
  for (let p = from; p < to; ) {
    const tag = readVarint(b, p, to);
    p = cursor.pos;
    if (tag === 0x09 /* time_unix_nano */) {
      table.eventOffset[2 * row] = readU32(b, p);
      table.eventOffset[2 * row + 1] = readU32(b, p + 4);
      p += 8;
    } else if (tag === 0x12 || tag === 0x1a) {
      const n = readLength(b, p, to);
      const at = cursor.pos;
      p = at + n;
      if (tag === 0x12 /* name */) table.eventName[row] = table.strings.intern(b, at, p);
      else decodeAttribute(b, at, p, context, table.eventAttrs);
    } else if (tag === 0x20 /* dropped_attributes_count */) {
      readVarint64(b, p);
      table.eventDropped[row] = cursor.lo;
      p = cursor.pos;
    } else p = skipValue(b, tag, p, to);
  }
  table.eventAttrEnd[row] = table.eventAttrs.count;
}

function eventTimesToOffsets(times: Uint32Array, from: number, to: number, startLo: number, startHi: number): void {
  for (let i = from; i < to; i++) {
    const lo = times[2 * i];
    // Stores wrap: the result is the difference modulo 2^64.
    times[2 * i] = lo - startLo;
    times[2 * i + 1] = times[2 * i + 1] - startHi - (lo < startLo ? 1 : 0);
  }
}

function decodeLink(b: Uint8Array, from: number, to: number, context: DecodeContext): void {
  const { table } = context;
  const row = table.linkCount;
  if (row === table.linkTraceState.length) table.ensureLinks(1);
  table.linkCount = row + 1;
  table.linkTraceId.fill(0, row * 16, row * 16 + 16);
  table.linkSpanId.fill(0, row * 8, row * 8 + 8);
  table.linkTraceState[row] = table.linkDropped[row] = 0;
  for (let p = from; p < to; ) {
    const tag = readVarint(b, p, to);
    p = cursor.pos;
    if (tag === 0x0a || tag === 0x12 || tag === 0x1a || tag === 0x22) {
      const n = readLength(b, p, to);
      const at = cursor.pos;
      p = at + n;
      if (tag === 0x0a /* trace_id */) copyId(b, at, n, table.linkTraceId, row * 16, 16);
      else if (tag === 0x12 /* span_id */) copyId(b, at, n, table.linkSpanId, row * 8, 8);
      else if (tag === 0x1a /* trace_state */) table.linkTraceState[row] = table.strings.intern(b, at, p);
      else decodeAttribute(b, at, p, context, table.linkAttrs);
    } else if (tag === 0x28 /* dropped_attributes_count */) {
      readVarint64(b, p);
      table.linkDropped[row] = cursor.lo;
      p = cursor.pos;
    } else p = skipValue(b, tag, p, to);
  }
  table.linkAttrEnd[row] = table.linkAttrs.count;
}

/** Ids of links come in any length: shorter ones get zeros in front, of longer ones the last bytes count (docs/format/block.md). */
function copyId(b: Uint8Array, from: number, n: number, to: Uint8Array, at: number, size: number): void {
  const pad = Math.max(0, size - n);
  to.fill(0, at, at + pad);
  for (let i = pad; i < size; i++) to[at + i] = b[from + n - size + i];
}
