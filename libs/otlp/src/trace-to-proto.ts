import type { AttrList, SpanTable } from '@vivace/trace';
import { ATTR_ARRAY, ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING, orderByTrace } from '@vivace/trace';
import { JsonEncoder } from './json-encoder.ts';
import { ProtoWriter } from './proto-writer.ts';
import { endTime, eventTime, firstOf, hasParent, traceSpans } from './trace-spans.ts';

/**
 * One trace as bytes of tempopb.Trace, which is OTLP's TracesData (`resourceSpans = 1`). `resource`, `scope` and `status` are always present,
 * because Grafana dereferences them unchecked; a root has no parent id (docs/compat/api.md). An unknown trace gives no bytes.
 * Resources without attributes get the `service.name` `unnamedService`, if there is one: Grafana drops their spans silently.
 */
export function traceToProto(table: SpanTable, traceRow: number, unnamedService?: string): Uint8Array {
  const spans = traceSpans(table, traceRow);
  const w = new ProtoWriter(256 + spans.length * 512);
  writeTrace(w, table, traceRow, spans, unnamedService);
  return w.result();
}

/** All spans of the table, each once, as one message of that kind. */
export function tableToProto(table: SpanTable): Uint8Array {
  const { traceCount, traces, spans, traceSpans: bounds } = orderByTrace(table);
  const w = new ProtoWriter(256 + spans.length * 512);
  for (let t = 0; t < traceCount; t++) writeTrace(w, table, traces[t], spans.subarray(bounds[t], bounds[t + 1]), undefined);
  return w.result();
}

/** `spans`: those of the trace, in storage order. */
function writeTrace(w: ProtoWriter, table: SpanTable, traceRow: number, spans: Uint32Array, unnamedService: string | undefined): void {
  for (let i = 0; i < spans.length; ) {
    const resource = table.spanResource[spans[i]];
    const resourceSpans = w.begin(0x0a);
    writeResource(w, table, resource, unnamedService);
    while (i < spans.length && table.spanResource[spans[i]] === resource) {
      const scope = table.spanScope[spans[i]];
      const scopeSpans = w.begin(0x12);
      writeScope(w, table, scope);
      for (; i < spans.length && table.spanResource[spans[i]] === resource && table.spanScope[spans[i]] === scope; i++) writeSpan(w, table, traceRow, spans[i]);
      w.end(scopeSpans);
    }
    w.end(resourceSpans);
  }
}

function writeResource(w: ProtoWriter, table: SpanTable, row: number, unnamedService: string | undefined): void {
  const start = w.begin(0x0a);
  if (unnamedService !== undefined && firstOf(table.resourceAttrEnd, row) === table.resourceAttrEnd[row]) writeServiceName(w, unnamedService);
  else writeAttrs(w, 0x0a, table, table.resourceAttrs, table.resourceAttrEnd, row);
  writeCount(w, 0x10, table.resourceDropped[row]);
  w.end(start);
}

function writeServiceName(w: ProtoWriter, name: string): void {
  const attribute = w.begin(0x0a);
  w.text(0x0a, 'service.name');
  const value = w.begin(0x12);
  w.text(0x0a, name);
  w.end(value);
  w.end(attribute);
}

function writeScope(w: ProtoWriter, table: SpanTable, row: number): void {
  const start = w.begin(0x0a);
  writeText(w, 0x0a, table, table.scopeName[row]);
  writeText(w, 0x12, table, table.scopeVersion[row]);
  writeAttrs(w, 0x1a, table, table.scopeAttrs, table.scopeAttrEnd, row);
  writeCount(w, 0x20, table.scopeDropped[row]);
  w.end(start);
}

function writeSpan(w: ProtoWriter, table: SpanTable, trace: number, row: number): void {
  const start = w.begin(0x12);
  w.bytes(0x0a, table.traceId, trace * 16, 16);
  w.bytes(0x12, table.spanId, row * 8, 8);
  writeText(w, 0x1a, table, table.spanTraceState[row]);
  if (hasParent(table, row)) w.bytes(0x22, table.spanParentId, row * 8, 8);
  writeText(w, 0x2a, table, table.spanName[row]);
  writeCount(w, 0x30, table.spanKind[row]);
  w.fixed64(0x39, table.spanStart[2 * row], table.spanStart[2 * row + 1]);
  writeTime(w, 0x41, endTime(table, row));
  writeAttrs(w, 0x4a, table, table.spanAttrs, table.spanAttrEnd, row);
  writeCount(w, 0x50, table.spanDroppedAttrs[row]);
  for (let e = firstOf(table.spanEventEnd, row); e < table.spanEventEnd[row]; e++) {
    const event = w.begin(0x5a);
    writeTime(w, 0x09, eventTime(table, row, e));
    writeText(w, 0x12, table, table.eventName[e]);
    writeAttrs(w, 0x1a, table, table.eventAttrs, table.eventAttrEnd, e);
    writeCount(w, 0x20, table.eventDropped[e]);
    w.end(event);
  }
  writeCount(w, 0x60, table.spanDroppedEvents[row]);
  for (let l = firstOf(table.spanLinkEnd, row); l < table.spanLinkEnd[row]; l++) {
    const link = w.begin(0x6a);
    w.bytes(0x0a, table.linkTraceId, l * 16, 16);
    w.bytes(0x12, table.linkSpanId, l * 8, 8);
    writeText(w, 0x1a, table, table.linkTraceState[l]);
    writeAttrs(w, 0x22, table, table.linkAttrs, table.linkAttrEnd, l);
    writeCount(w, 0x28, table.linkDropped[l]);
    w.end(link);
  }
  writeCount(w, 0x70, table.spanDroppedLinks[row]);
  const status = w.begin(0x7a);
  writeText(w, 0x12, table, table.spanStatusMessage[row]);
  writeCount(w, 0x18, table.spanStatus[row]);
  w.end(status);
  w.end(start);
}

function writeAttrs(w: ProtoWriter, tag: number, table: SpanTable, list: AttrList, ends: Uint32Array, row: number): void {
  for (let i = firstOf(ends, row); i < ends[row]; i++) {
    const start = w.begin(tag);
    writeText(w, 0x0a, table, list.key[i]);
    const value = w.begin(0x12);
    writeValue(w, table, list, i);
    w.end(value);
    w.end(start);
  }
}

function writeValue(w: ProtoWriter, table: SpanTable, list: AttrList, i: number): void {
  const lo = list.u32[2 * i];
  const hi = list.u32[2 * i + 1];
  switch (list.type[i]) {
    case ATTR_STRING:
      w.entry(0x0a, table.strings, lo);
      break;
    case ATTR_BOOL:
      w.uint(0x10, lo);
      break;
    case ATTR_INT:
      w.uint64(0x18, lo, hi);
      break;
    case ATTR_DOUBLE:
      w.fixed64(0x21, lo, hi);
      break;
    case ATTR_ARRAY: {
      const array = w.begin(0x2a);
      for (let e = lo; e < lo + hi; e++) {
        const element = w.begin(0x0a);
        writeValue(w, table, table.elements, e);
        w.end(element);
      }
      w.end(array);
      break;
    }
    case ATTR_JSON:
      new JsonEncoder(w).anyValue(JSON.parse(table.strings.get(lo)));
      break;
  }
}

// Zero and the empty string are the absence of the field.

function writeText(w: ProtoWriter, tag: number, table: SpanTable, id: number): void {
  if (id !== 0) w.entry(tag, table.strings, id);
}

function writeCount(w: ProtoWriter, tag: number, value: number): void {
  if (value !== 0) w.uint(tag, value >>> 0);
}

function writeTime(w: ProtoWriter, tag: number, time: bigint): void {
  w.fixed64(tag, Number(time & 0xffffffffn), Number(time >> 32n));
}
