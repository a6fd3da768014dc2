import { AppError } from '@vivace/base';
import type { ScanResult } from './scan-result.ts';
import { REFUSED_MALFORMED, REFUSED_PARENT_ID, REFUSED_SPAN_ID, REFUSED_TIME, REFUSED_TRACE_ID } from './scan-result.ts';
import { cursor, MAX_DEPTH, plainBytes, readLength, readU32, readVarint, skipValue } from './wire.ts';

export interface ScanLimits {
  /** A span that ends earlier than this before its start is refused; a smaller skew is kept (its duration becomes 0). */
  readonly maxNegativeDurationMs: number;
  /** Longer keys and string values are counted in `cutStrings` (the decoder cuts them). 0 = no limit. */
  readonly maxAttributeBytes: number;
}

export const DEFAULT_SCAN_LIMITS: ScanLimits = { maxNegativeDurationMs: 3_600_000, maxAttributeBytes: 2048 };

/**
 * One pass over an ExportTraceServiceRequest (equally TracesData): finds every span and checks it so thoroughly that `decodeInto`
 * cannot fail on the good ones. Nothing is decoded; `out` gets offsets (borrowed: valid as long as the caller keeps `bytes`).
 *
 * A bad span gets a refusal code and is otherwise skipped; unknown fields are skipped; a known field with another wire type is broken.
 * Throws `invalid_argument` with the offset when the request is broken outside of a span: then no span boundary can be trusted.
 * Field numbers in the switches: opentelemetry-proto 1.x, as tags (number * 8 + wire type), literal so that V8 makes jump tables.
 */
export function scanExport(bytes: Uint8Array, limits: ScanLimits, out: ScanResult): void {
  const b = plainBytes(bytes);
  const end = b.length;
  out.reset();
  maxNegativeNs = limits.maxNegativeDurationMs * 1e6;
  maxStringBytes = limits.maxAttributeBytes > 0 ? limits.maxAttributeBytes : Number.MAX_SAFE_INTEGER;
  cutStrings = 0;
  let p = 0;
  while (p < end) {
    const at = p;
    const tag = readVarint(b, p, end);
    p = cursor.pos;
    if (tag === 0x0a) {
      const n = readLength(b, p, end);
      if (n < 0) broken('resource_spans', at);
      p = cursor.pos + n;
      scanResourceSpans(b, p - n, p, out);
    } else {
      p = tag < 16 ? -1 : skipValue(b, tag, p, end);
      if (p < 0) broken('export request', at);
    }
  }
  out.cutStrings = cutStrings;
}

// Of the request being scanned: as parameters they would have to pass through every level down to the single value.
let maxNegativeNs = 0;
let maxStringBytes = 0;
let cutStrings = 0;
/** Where the last span scanned has its trace id. */
let traceIdAt = 0;

function broken(what: string, at: number): never {
  throw new AppError('invalid_argument', `otlp: request is not a valid ExportTraceServiceRequest: broken ${what} at byte ${at}`);
}

function scanResourceSpans(b: Uint8Array, from: number, end: number, out: ScanResult): void {
  out.addResource();
  let p = from;
  while (p < end) {
    const at = p;
    const tag = readVarint(b, p, end);
    p = cursor.pos;
    if (tag === 0x12 /* scope_spans */) {
      const n = readLength(b, p, end);
      if (n < 0) broken('scope_spans', at);
      p = cursor.pos + n;
      scanScopeSpans(b, p - n, p, out);
      continue;
    }
    if (tag === 0x0a /* resource */) {
      const n = readLength(b, p, end);
      if (n < 0) broken('resource', at);
      const start = cursor.pos;
      p = start + n;
      if (!walkAttributeOwner(b, start, p, 0x0a, RESOURCE, 32)) broken('resource', at);
    } else if (tag === 0x1a /* schema_url */ || tag >= 32) {
      p = skipValue(b, tag, p, end);
    } else p = -1;
    if (p < 0) broken('resource_spans field', at);
    out.addResourceHeader(at, p);
  }
}

function scanScopeSpans(b: Uint8Array, from: number, end: number, out: ScanResult): void {
  out.addScope();
  let p = from;
  while (p < end) {
    const at = p;
    const tag = readVarint(b, p, end);
    p = cursor.pos;
    if (tag === 0x12 /* spans */) {
      const n = readLength(b, p, end);
      if (n < 0) broken('span length', at);
      const start = cursor.pos;
      p = start + n;
      const cut = cutStrings;
      const refusal = scanSpan(b, start, p);
      if (refusal !== 0) cutStrings = cut;
      out.addSpan(at, start, p, traceIdAt, refusal);
      continue;
    }
    if (tag === 0x0a /* scope */) {
      const n = readLength(b, p, end);
      if (n < 0) broken('scope', at);
      const start = cursor.pos;
      p = start + n;
      if (!walkAttributeOwner(b, start, p, 0x1a, SCOPE, 40)) broken('scope', at);
    } else if (tag === 0x1a /* schema_url */ || tag >= 32) {
      p = skipValue(b, tag, p, end);
    } else p = -1;
    if (p < 0) broken('scope_spans field', at);
    out.addScopeHeader(at, p);
  }
}

/** The refusal code of one span, 0 when it is good. */
function scanSpan(b: Uint8Array, from: number, end: number): number {
  traceIdAt = 0;
  let traceIdSize = 0;
  let spanIdAt = 0;
  let spanIdSize = 0;
  let parentSize = 0;
  let startAt = 0;
  let endAt = 0;
  let p = from;
  while (p < end) {
    const tag = readVarint(b, p, end);
    p = cursor.pos;
    switch (tag) {
      case 0x39: // start_time_unix_nano
      case 0x41: // end_time_unix_nano
        if (p + 8 > end) return REFUSED_MALFORMED;
        if (tag === 0x39) startAt = p;
        else endAt = p;
        p += 8;
        break;
      case 0x30: // kind
      case 0x50: // dropped_attributes_count
      case 0x60: // dropped_events_count
      case 0x70: // dropped_links_count
        if (readVarint(b, p, end) < 0) return REFUSED_MALFORMED;
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
        const n = readLength(b, p, end);
        if (n < 0) return REFUSED_MALFORMED;
        const at = cursor.pos;
        p = at + n;
        if (tag === 0x4a) {
          if (!walkKeyValue(b, at, p, 0)) return REFUSED_MALFORMED;
        } else if (tag === 0x0a) {
          traceIdAt = at;
          traceIdSize = n;
        } else if (tag === 0x12) {
          spanIdAt = at;
          spanIdSize = n;
        } else if (tag === 0x22) {
          parentSize = n;
        } else if (tag === 0x5a) {
          if (!walkAttributeOwner(b, at, p, 0x1a, EVENT, 40)) return REFUSED_MALFORMED;
        } else if (tag === 0x6a) {
          if (!walkAttributeOwner(b, at, p, 0x22, LINK, 56)) return REFUSED_MALFORMED;
        } else if (tag === 0x7a) {
          if (!walkStatus(b, at, p)) return REFUSED_MALFORMED;
        }
        break;
      }
      default:
        // Fields 1 to 15 are known: with these tags they have the wrong wire type.
        p = tag < 128 ? -1 : skipValue(b, tag, p, end);
        if (p < 0) return REFUSED_MALFORMED;
    }
  }
  if (traceIdSize !== 16 || allZero(b, traceIdAt, 16)) return REFUSED_TRACE_ID;
  if (spanIdSize !== 8 || allZero(b, spanIdAt, 8)) return REFUSED_SPAN_ID;
  if (parentSize !== 0 && parentSize !== 8) return REFUSED_PARENT_ID;
  // An absent time is 0.
  const startLo = startAt === 0 ? 0 : readU32(b, startAt);
  const startHi = startAt === 0 ? 0 : readU32(b, startAt + 4);
  const endLo = endAt === 0 ? 0 : readU32(b, endAt);
  const endHi = endAt === 0 ? 0 : readU32(b, endAt + 4);
  return (startHi - endHi) * 4294967296 + (startLo - endLo) > maxNegativeNs ? REFUSED_TIME : 0;
}

function allZero(b: Uint8Array, at: number, n: number): boolean {
  let or = 0;
  for (let i = at; i < at + n; i++) or |= b[i];
  return or === 0;
}

/**
 * Walks a message that is attributes (tag `attributes`), other known fields and unknown ones
 * from tag `unknown` on: Resource, InstrumentationScope, Event, Link.
 */
function walkAttributeOwner(b: Uint8Array, from: number, end: number, attributes: number, known: KnownTags, unknown: number): boolean {
  let p = from;
  while (p < end) {
    const tag = readVarint(b, p, end);
    p = cursor.pos;
    if (tag === attributes) {
      const n = readLength(b, p, end);
      if (n < 0) return false;
      const at = cursor.pos;
      p = at + n;
      if (!walkKeyValue(b, at, p, 0)) return false;
    } else {
      p = tag >= unknown || (tag >= 0 && known[tag] === 1) ? skipValue(b, tag, p, end) : -1;
      if (p < 0) return false;
    }
  }
  return true;
}

/** 1 for each tag that is known. */
type KnownTags = Uint8Array;

function knownTags(...tags: number[]): KnownTags {
  const known = new Uint8Array(64);
  for (const tag of tags) known[tag] = 1;
  return known;
}

/** dropped_attributes_count, entity_refs */
const RESOURCE = knownTags(0x10, 0x1a);
/** name, version, dropped_attributes_count */
const SCOPE = knownTags(0x0a, 0x12, 0x20);
/** time_unix_nano, name, dropped_attributes_count */
const EVENT = knownTags(0x09, 0x12, 0x20);
/** trace_id, span_id, trace_state, dropped_attributes_count, flags */
const LINK = knownTags(0x0a, 0x12, 0x1a, 0x28, 0x35);

function walkStatus(b: Uint8Array, from: number, end: number): boolean {
  let p = from;
  while (p < end) {
    const tag = readVarint(b, p, end);
    // message, code; number 1 is the code of long ago
    p = tag === 0x12 || tag === 0x18 || tag >= 32 || tag < 16 ? skipValue(b, tag, cursor.pos, end) : -1;
    if (p < 0) return false;
  }
  return true;
}

/** `depth` counts the lists around this attribute; only at 0 do the length limits hold. */
function walkKeyValue(b: Uint8Array, from: number, end: number, depth: number): boolean {
  let p = from;
  while (p < end) {
    const tag = readVarint(b, p, end);
    p = cursor.pos;
    if (tag === 0x0a /* key */) {
      const n = readLength(b, p, end);
      if (n < 0) return false;
      if (n > maxStringBytes && depth === 0) cutStrings++;
      p = cursor.pos + n;
    } else if (tag === 0x12 /* value */) {
      const n = readLength(b, p, end);
      if (n < 0) return false;
      const at = cursor.pos;
      p = at + n;
      if (!walkAnyValue(b, at, p, depth)) return false;
    } else {
      p = tag < 24 ? -1 : skipValue(b, tag, p, end);
      if (p < 0) return false;
    }
  }
  return true;
}

function walkAnyValue(b: Uint8Array, from: number, end: number, depth: number): boolean {
  let p = from;
  while (p < end) {
    const tag = readVarint(b, p, end);
    p = cursor.pos;
    switch (tag) {
      case 0x0a: // string_value
      case 0x3a: {
        // bytes_value
        const n = readLength(b, p, end);
        if (n < 0) return false;
        if (n > maxStringBytes && depth === 0 && tag === 0x0a) cutStrings++;
        p = cursor.pos + n;
        break;
      }
      case 0x10: // bool_value
      case 0x18: // int_value
        if (readVarint(b, p, end) < 0) return false;
        p = cursor.pos;
        break;
      case 0x21: // double_value
        p += 8;
        if (p > end) return false;
        break;
      case 0x2a: // array_value
      case 0x32: {
        // kvlist_value
        const n = readLength(b, p, end);
        if (n < 0 || depth >= MAX_DEPTH) return false;
        const at = cursor.pos;
        p = at + n;
        if (!walkList(b, at, p, depth + 1, tag === 0x32)) return false;
        break;
      }
      default:
        p = tag < 64 ? -1 : skipValue(b, tag, p, end);
        if (p < 0) return false;
    }
  }
  return true;
}

function walkList(b: Uint8Array, from: number, end: number, depth: number, keyed: boolean): boolean {
  let p = from;
  while (p < end) {
    const tag = readVarint(b, p, end);
    p = cursor.pos;
    if (tag === 0x0a /* values */) {
      const n = readLength(b, p, end);
      if (n < 0) return false;
      const at = cursor.pos;
      p = at + n;
      if (!(keyed ? walkKeyValue(b, at, p, depth) : walkAnyValue(b, at, p, depth))) return false;
    } else {
      p = tag < 16 ? -1 : skipValue(b, tag, p, end);
      if (p < 0) return false;
    }
  }
  return true;
}
