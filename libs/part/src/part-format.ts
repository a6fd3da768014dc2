// The part file: a span table, sorted by trace, as raw columns. Layout: docs/format/part.md.
import type { SpanTable } from '@vivace/trace';

export const PART_MAGIC = 0x31505656; // "VVP1", little-endian
export const PART_VERSION = 1;
/** Magic, version, header length, CRC32C of the header. */
export const PART_PREFIX_BYTES = 16;

/** What one row of a section belongs to. */
export type Level =
  | 'trace'
  | 'traceEdge'
  | 'resource'
  | 'scope'
  | 'span'
  | 'event'
  | 'link'
  | 'resourceAttr'
  | 'scopeAttr'
  | 'spanAttr'
  | 'eventAttr'
  | 'linkAttr'
  | 'element'
  | 'string'
  | 'stringByte';

type Column = Uint8Array | Uint32Array | Int32Array | Float64Array;

export interface SectionType {
  readonly name: string;
  readonly level: Level;
  readonly bytesPerRow: number;
  /** Column of the sorted table; `spans` are the offsets of the traces. */
  readonly of: (table: SpanTable) => Column;
}

const section = (name: string, level: Level, bytesPerRow: number, of: (table: SpanTable) => Column): SectionType => ({ name, level, bytesPerRow, of });

const attrs = (name: 'resource' | 'scope' | 'span' | 'event' | 'link', level: Level): SectionType[] => {
  const list = (t: SpanTable) => t[`${name}Attrs`];
  return [
    section(`${name}AttrKey`, level, 4, (t) => list(t).key),
    section(`${name}AttrType`, level, 1, (t) => list(t).type),
    section(`${name}AttrValue`, level, 8, (t) => list(t).f64),
  ];
};

/** Every section of a part but `traceSpans`, in file order. Little-endian, tightly packed, each aligned to 8 bytes. */
export const SECTIONS: readonly SectionType[] = [
  section('traceId', 'trace', 16, (t) => t.traceId),
  section('traceBytes', 'trace', 8, (t) => t.traceBytes),
  section('resourceService', 'resource', 4, (t) => t.resourceService),
  section('resourceDropped', 'resource', 4, (t) => t.resourceDropped),
  section('resourceAttrEnd', 'resource', 4, (t) => t.resourceAttrEnd),
  ...attrs('resource', 'resourceAttr'),
  section('scopeName', 'scope', 4, (t) => t.scopeName),
  section('scopeVersion', 'scope', 4, (t) => t.scopeVersion),
  section('scopeDropped', 'scope', 4, (t) => t.scopeDropped),
  section('scopeAttrEnd', 'scope', 4, (t) => t.scopeAttrEnd),
  ...attrs('scope', 'scopeAttr'),
  section('spanResource', 'span', 4, (t) => t.spanResource),
  section('spanScope', 'span', 4, (t) => t.spanScope),
  section('spanId', 'span', 8, (t) => t.spanId),
  section('spanParentId', 'span', 8, (t) => t.spanParentId),
  section('spanStart', 'span', 8, (t) => t.spanStart),
  section('spanDuration', 'span', 8, (t) => t.spanDuration),
  section('spanKind', 'span', 1, (t) => t.spanKind),
  section('spanStatus', 'span', 1, (t) => t.spanStatus),
  section('spanName', 'span', 4, (t) => t.spanName),
  section('spanStatusMessage', 'span', 4, (t) => t.spanStatusMessage),
  section('spanTraceState', 'span', 4, (t) => t.spanTraceState),
  section('spanDroppedAttrs', 'span', 4, (t) => t.spanDroppedAttrs),
  section('spanDroppedEvents', 'span', 4, (t) => t.spanDroppedEvents),
  section('spanDroppedLinks', 'span', 4, (t) => t.spanDroppedLinks),
  section('spanAttrEnd', 'span', 4, (t) => t.spanAttrEnd),
  section('spanEventEnd', 'span', 4, (t) => t.spanEventEnd),
  section('spanLinkEnd', 'span', 4, (t) => t.spanLinkEnd),
  ...attrs('span', 'spanAttr'),
  section('eventOffset', 'event', 8, (t) => t.eventOffset),
  section('eventName', 'event', 4, (t) => t.eventName),
  section('eventDropped', 'event', 4, (t) => t.eventDropped),
  section('eventAttrEnd', 'event', 4, (t) => t.eventAttrEnd),
  ...attrs('event', 'eventAttr'),
  section('linkTraceId', 'link', 16, (t) => t.linkTraceId),
  section('linkSpanId', 'link', 8, (t) => t.linkSpanId),
  section('linkTraceState', 'link', 4, (t) => t.linkTraceState),
  section('linkDropped', 'link', 4, (t) => t.linkDropped),
  section('linkAttrEnd', 'link', 4, (t) => t.linkAttrEnd),
  ...attrs('link', 'linkAttr'),
  section('elementType', 'element', 1, (t) => t.elements.type),
  section('elementValue', 'element', 8, (t) => t.elements.f64),
  section('stringEnd', 'string', 4, (t) => t.strings.ends),
  section('stringData', 'stringByte', 1, (t) => t.strings.data),
];

/** Rows of each level in a table. */
export function levelCounts(table: SpanTable): Record<Level, number> {
  return {
    trace: table.traceCount,
    traceEdge: table.traceCount + 1,
    resource: table.resourceCount,
    scope: table.scopeCount,
    span: table.spanCount,
    event: table.eventCount,
    link: table.linkCount,
    resourceAttr: table.resourceAttrs.count,
    scopeAttr: table.scopeAttrs.count,
    spanAttr: table.spanAttrs.count,
    eventAttr: table.eventAttrs.count,
    linkAttr: table.linkAttrs.count,
    element: table.elements.count,
    string: table.strings.size,
    stringByte: table.strings.dataLength,
  };
}

export interface SectionEntry {
  readonly name: string;
  /** Absolute position in the file. */
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
}

/** The JSON header of a part. */
export interface PartHeader {
  readonly tenant: string;
  readonly counts: Record<Level, number>;
  readonly sections: readonly SectionEntry[];
  /** Earliest start and latest end of the spans, Unix seconds. */
  readonly startSec: number;
  readonly endSec: number;
  /** Bytes of OTLP the spans came in. */
  readonly receivedBytes: number;
  /** Log frames of this tenant up to here (inclusive) are in this or an earlier part: replay skips them. */
  readonly watermark: { readonly segment: number; readonly offset: number };
}
