import type { AttrList, SpanTable } from '@vivace/trace';
import { ATTR_ARRAY, ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_STRING } from '@vivace/trace';
import { base64, doubleJson, int64Text } from './any-value-json.ts';
import { endTime, eventTime, firstOf, hasParent, traceSpans, u64At } from './trace-spans.ts';

/**
 * One trace as the JSON text of its `resourceSpans` array in Tempo's protobuf-JSON dialect (docs/compat/api.md): ids in base64, enums
 * by name, 64-bit integers quoted, defaults left out, but `resource`, `scope` and `status` always there. `unnamedService` as in `traceToProto`.
 */
export function traceToJson(table: SpanTable, traceRow: number, unnamedService?: string): string {
  const spans = traceSpans(table, traceRow);
  const traceId = base64(table.traceId, traceRow * 16, traceRow * 16 + 16);
  let out = '[';
  for (let i = 0; i < spans.length; ) {
    const resource = table.spanResource[spans[i]];
    out += `${i === 0 ? '' : ','}{"resource":${resourceJson(table, resource, unnamedService)},"scopeSpans":[`;
    for (let first = true; i < spans.length && table.spanResource[spans[i]] === resource; first = false) {
      const scope = table.spanScope[spans[i]];
      out += `${first ? '' : ','}{"scope":${scopeJson(table, scope)},"spans":[${spanJson(table, traceId, spans[i++])}`;
      for (; i < spans.length && table.spanResource[spans[i]] === resource && table.spanScope[spans[i]] === scope; i++) {
        out += `,${spanJson(table, traceId, spans[i])}`;
      }
      out += ']}';
    }
    out += ']}';
  }
  return `${out}]`;
}

const KINDS = ['', 'SPAN_KIND_INTERNAL', 'SPAN_KIND_SERVER', 'SPAN_KIND_CLIENT', 'SPAN_KIND_PRODUCER', 'SPAN_KIND_CONSUMER'];
const CODES = ['', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'];

function resourceJson(table: SpanTable, row: number, unnamedService: string | undefined): string {
  const isUnnamed = unnamedService !== undefined && firstOf(table.resourceAttrEnd, row) === table.resourceAttrEnd[row];
  const attrs = isUnnamed
    ? `,"attributes":[{"key":"service.name","value":{"stringValue":${JSON.stringify(unnamedService)}}}]`
    : attributes(table, table.resourceAttrs, table.resourceAttrEnd, row);
  return object(attrs + dropped('Attributes', table.resourceDropped[row]));
}

function scopeJson(table: SpanTable, row: number): string {
  return object(
    text(table, 'name', table.scopeName[row]) +
      text(table, 'version', table.scopeVersion[row]) +
      attributes(table, table.scopeAttrs, table.scopeAttrEnd, row) +
      dropped('Attributes', table.scopeDropped[row]),
  );
}

function spanJson(table: SpanTable, traceId: string, row: number): string {
  return object(
    `,"traceId":"${traceId}","spanId":"${base64(table.spanId, row * 8, row * 8 + 8)}"` +
      text(table, 'traceState', table.spanTraceState[row]) +
      (hasParent(table, row) ? `,"parentSpanId":"${base64(table.spanParentId, row * 8, row * 8 + 8)}"` : '') +
      text(table, 'name', table.spanName[row]) +
      (table.spanKind[row] === 0 ? '' : `,"kind":"${KINDS[table.spanKind[row]]}"`) +
      time('startTimeUnixNano', u64At(table.spanStart, row)) +
      time('endTimeUnixNano', endTime(table, row)) +
      attributes(table, table.spanAttrs, table.spanAttrEnd, row) +
      dropped('Attributes', table.spanDroppedAttrs[row]) +
      list('events', table.spanEventEnd, row, (event) => eventJson(table, row, event)) +
      dropped('Events', table.spanDroppedEvents[row]) +
      list('links', table.spanLinkEnd, row, (link) => linkJson(table, link)) +
      dropped('Links', table.spanDroppedLinks[row]) +
      `,"status":${statusJson(table, row)}`,
  );
}

function eventJson(table: SpanTable, span: number, row: number): string {
  return object(
    time('timeUnixNano', eventTime(table, span, row)) +
      text(table, 'name', table.eventName[row]) +
      attributes(table, table.eventAttrs, table.eventAttrEnd, row) +
      dropped('Attributes', table.eventDropped[row]),
  );
}

function linkJson(table: SpanTable, row: number): string {
  return object(
    `,"traceId":"${base64(table.linkTraceId, row * 16, row * 16 + 16)}","spanId":"${base64(table.linkSpanId, row * 8, row * 8 + 8)}"` +
      text(table, 'traceState', table.linkTraceState[row]) +
      attributes(table, table.linkAttrs, table.linkAttrEnd, row) +
      dropped('Attributes', table.linkDropped[row]),
  );
}

function statusJson(table: SpanTable, row: number): string {
  const code = table.spanStatus[row];
  return object(text(table, 'message', table.spanStatusMessage[row]) + (code === 0 ? '' : `,"code":"${CODES[code]}"`));
}

function attributes(table: SpanTable, attrs: AttrList, ends: Uint32Array, row: number): string {
  return list('attributes', ends, row, (i) => object(`${text(table, 'key', attrs.key[i])},"value":${valueJson(table, attrs, i)}`));
}

function valueJson(table: SpanTable, attrs: AttrList, i: number): string {
  const lo = attrs.u32[2 * i];
  const hi = attrs.u32[2 * i + 1];
  switch (attrs.type[i]) {
    case ATTR_STRING:
      return `{"stringValue":${JSON.stringify(table.strings.get(lo))}}`;
    case ATTR_BOOL:
      return `{"boolValue":${lo === 1}}`;
    case ATTR_INT:
      return `{"intValue":"${int64Text(lo, hi)}"}`;
    case ATTR_DOUBLE:
      return `{"doubleValue":${doubleJson(attrs.f64[i])}}`;
    case ATTR_ARRAY: {
      const items = Array.from({ length: hi }, (_, e) => valueJson(table, table.elements, lo + e));
      return hi === 0 ? '{"arrayValue":{}}' : `{"arrayValue":{"values":[${items.join(',')}]}}`;
    }
    default:
      return table.strings.get(lo);
  }
}

// A field is written with a comma in front; `object` takes the first one away.

function object(fields: string): string {
  return `{${fields.slice(1)}}`;
}

function list(name: string, ends: Uint32Array, row: number, item: (row: number) => string): string {
  const first = firstOf(ends, row);
  if (first === ends[row]) return '';
  let out = `,"${name}":[${item(first)}`;
  for (let i = first + 1; i < ends[row]; i++) out += `,${item(i)}`;
  return `${out}]`;
}

function text(table: SpanTable, name: string, id: number): string {
  return id === 0 ? '' : `,"${name}":${JSON.stringify(table.strings.get(id))}`;
}

function time(name: string, value: bigint): string {
  return value === 0n ? '' : `,"${name}":"${value}"`;
}

function dropped(what: string, count: number): string {
  return count === 0 ? '' : `,"dropped${what}Count":${count >>> 0}`;
}
