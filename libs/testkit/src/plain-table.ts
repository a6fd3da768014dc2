import { hex, parseTraceId } from '@vivace/base';
import { decodeUtf8 } from '@vivace/bytes';
import { ATTR_ARRAY, ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING, orderByTrace, SpanTable } from '@vivace/trace';
import type { AttrList } from '@vivace/trace';
import type { PlainAttrs, PlainSpan, PlainTrace, PlainValue } from './plain.ts';

const MASK = 0xffffffffn;

/** A span table holding `traces`, spans in the order given (traces one after the other). */
export function tableOf(traces: readonly PlainTrace[]): SpanTable {
  const table = new SpanTable();
  for (const trace of traces) {
    const id = parseTraceId(trace.traceId);
    if (typeof id === 'number') throw new Error(`bad trace id ${trace.traceId}`);
    const row = table.internTrace(id, 0);
    for (const span of trace.spans) addSpan(table, row, span);
  }
  return table;
}

const interned = new WeakMap<SpanTable, Map<string, number>>();

function addSpan(table: SpanTable, trace: number, span: PlainSpan): void {
  const t = table;
  const resource = internRow(t, `r${print(span.resource)}`, () => addResource(t, span.resource));
  const scope = internRow(t, `s${print(span.scope.attrs)}|${span.scope.name}|${span.scope.version}`, () => addScope(t, span.scope));
  t.ensureSpans(1);
  const row = t.spanCount;
  t.spanTrace[row] = trace;
  t.spanResource[row] = resource;
  t.spanScope[row] = scope;
  t.spanId.set(bytesOf(span.spanId, 8), row * 8);
  t.spanParentId.set(span.parentId === '' ? new Uint8Array(8) : bytesOf(span.parentId, 8), row * 8);
  setHalves(t.spanStart, row, span.startNs);
  t.spanDuration[row] = Number(span.endNs - span.startNs);
  t.spanKind[row] = span.kind;
  t.spanStatus[row] = span.status;
  t.spanName[row] = t.strings.internText(span.name);
  t.spanStatusMessage[row] = t.strings.internText(span.statusMessage ?? '');
  t.spanTraceState[row] = t.strings.internText(span.traceState ?? '');
  t.spanDroppedAttrs[row] = span.droppedAttrs ?? 0;
  t.spanDroppedEvents[row] = span.droppedEvents ?? 0;
  t.spanDroppedLinks[row] = span.droppedLinks ?? 0;
  addAttrs(t, t.spanAttrs, span.attrs);
  t.spanAttrEnd[row] = t.spanAttrs.count;
  for (const event of span.events) {
    t.ensureEvents(1);
    const e = t.eventCount++;
    setHalves(t.eventOffset, e, BigInt.asUintN(64, event.timeNs - span.startNs));
    t.eventName[e] = t.strings.internText(event.name);
    t.eventDropped[e] = event.dropped ?? 0;
    addAttrs(t, t.eventAttrs, event.attrs);
    t.eventAttrEnd[e] = t.eventAttrs.count;
  }
  t.spanEventEnd[row] = t.eventCount;
  for (const link of span.links) {
    t.ensureLinks(1);
    const l = t.linkCount++;
    t.linkTraceId.set(bytesOf(link.traceId, 16), l * 16);
    t.linkSpanId.set(bytesOf(link.spanId, 8), l * 8);
    t.linkTraceState[l] = t.strings.internText(link.traceState ?? '');
    t.linkDropped[l] = link.dropped ?? 0;
    addAttrs(t, t.linkAttrs, link.attrs);
    t.linkAttrEnd[l] = t.linkAttrs.count;
  }
  t.spanLinkEnd[row] = t.linkCount;
  t.spanCount = row + 1;
}

function internRow(table: SpanTable, key: string, add: () => number): number {
  let rows = interned.get(table);
  if (!rows) interned.set(table, (rows = new Map()));
  let row = rows.get(key);
  if (row === undefined) rows.set(key, (row = add()));
  return row;
}

function addResource(t: SpanTable, attrs: PlainAttrs): number {
  t.ensureResources(1);
  const row = t.resourceCount++;
  const service = attrs.find(([key, value]) => key === 'service.name' && typeof value === 'string');
  t.resourceService[row] = t.strings.internText(service ? (service[1] as string) : '');
  t.resourceDropped[row] = 0;
  addAttrs(t, t.resourceAttrs, attrs);
  t.resourceAttrEnd[row] = t.resourceAttrs.count;
  return row;
}

function addScope(t: SpanTable, scope: PlainSpan['scope']): number {
  t.ensureScopes(1);
  const row = t.scopeCount++;
  t.scopeName[row] = t.strings.internText(scope.name);
  t.scopeVersion[row] = t.strings.internText(scope.version);
  t.scopeDropped[row] = 0;
  addAttrs(t, t.scopeAttrs, scope.attrs);
  t.scopeAttrEnd[row] = t.scopeAttrs.count;
  return row;
}

function addAttrs(t: SpanTable, list: AttrList, attrs: PlainAttrs): void {
  list.ensure(attrs.length);
  for (const [key, value] of attrs) {
    list.key[list.count] = t.strings.internText(key);
    setValue(t, list, value);
  }
}

function setValue(t: SpanTable, list: AttrList, value: PlainValue): void {
  list.ensure(1);
  const i = list.count++;
  if (typeof value === 'string') {
    list.type[i] = ATTR_STRING;
    list.u32[i * 2] = t.strings.internText(value);
  } else if (typeof value === 'bigint') {
    list.type[i] = ATTR_INT;
    list.i64[i] = value;
  } else if (typeof value === 'number') {
    list.type[i] = ATTR_DOUBLE;
    list.f64[i] = value;
  } else if (typeof value === 'boolean') {
    list.type[i] = ATTR_BOOL;
    list.u32[i * 2] = value ? 1 : 0;
  } else if (Array.isArray(value) && isHomogeneous(value)) {
    list.type[i] = ATTR_ARRAY;
    list.u32[i * 2] = t.elements.count;
    list.u32[i * 2 + 1] = value.length;
    for (const element of value) setValue(t, t.elements, element as PlainValue);
  } else {
    list.type[i] = ATTR_JSON;
    list.u32[i * 2] = t.strings.internText(JSON.stringify(anyValueJson(value)));
  }
}

function isHomogeneous(values: readonly PlainValue[]): boolean {
  return values.every((v) => v !== null && typeof v !== 'object' && typeof v === typeof values[0]);
}

/** Protobuf JSON of an AnyValue (docs/format/block.md). */
function anyValueJson(value: PlainValue): object {
  if (value === null) return {};
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'bigint') return { intValue: value.toString() };
  if (typeof value === 'number') return { doubleValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValueJson) } };
  if ('bytes' in value) return { bytesValue: Buffer.from(value.bytes).toString('base64') };
  const { kvlist } = value as { kvlist: Readonly<Record<string, PlainValue>> };
  return { kvlistValue: { values: Object.entries(kvlist).map(([key, v]) => ({ key, value: anyValueJson(v) })) } };
}

function fromAnyValueJson(json: Record<string, unknown>): PlainValue {
  if ('stringValue' in json) return json.stringValue as string;
  if ('intValue' in json) return BigInt(json.intValue as string);
  if ('doubleValue' in json) return Number(json.doubleValue);
  if ('boolValue' in json) return json.boolValue as boolean;
  if ('arrayValue' in json) return ((json.arrayValue as { values?: Record<string, unknown>[] }).values ?? []).map(fromAnyValueJson);
  if ('bytesValue' in json) return { bytes: new Uint8Array(Buffer.from(json.bytesValue as string, 'base64')) };
  if ('kvlistValue' in json) {
    const values = (json.kvlistValue as { values?: { key: string; value: Record<string, unknown> }[] }).values ?? [];
    return { kvlist: Object.fromEntries(values.map((v) => [v.key, fromAnyValueJson(v.value ?? {})])) };
  }
  return null;
}

/** The traces of a table as plain objects, ascending by trace id, spans in storage order. Inverse of `tableOf` up to order. */
export function plainOf(table: SpanTable, order = orderByTrace(table)): PlainTrace[] {
  const traces: PlainTrace[] = [];
  for (let t = 0; t < order.traceCount; t++) {
    const spans: PlainSpan[] = [];
    for (let i = order.traceSpans[t]; i < order.traceSpans[t + 1]; i++) spans.push(plainSpan(table, order.spans[i]));
    traces.push({ traceId: hex(table.traceId, order.traces[t] * 16, order.traces[t] * 16 + 16), spans });
  }
  return traces;
}

function plainSpan(t: SpanTable, row: number): PlainSpan {
  const startNs = halves(t.spanStart, row);
  const events = range(t.spanEventEnd, row).map((e) => ({
    name: t.strings.get(t.eventName[e]),
    timeNs: BigInt.asUintN(64, startNs + halves(t.eventOffset, e)),
    attrs: attrsOf(t, t.eventAttrs, t.eventAttrEnd, e),
    dropped: t.eventDropped[e],
  }));
  const links = range(t.spanLinkEnd, row).map((l) => ({
    traceId: hex(t.linkTraceId, l * 16, l * 16 + 16),
    spanId: hex(t.linkSpanId, l * 8, l * 8 + 8),
    traceState: t.strings.get(t.linkTraceState[l]),
    attrs: attrsOf(t, t.linkAttrs, t.linkAttrEnd, l),
    dropped: t.linkDropped[l],
  }));
  const parentId = hex(t.spanParentId, row * 8, row * 8 + 8);
  const scope = t.spanScope[row];
  return {
    spanId: hex(t.spanId, row * 8, row * 8 + 8),
    parentId: parentId === '0000000000000000' ? '' : parentId,
    name: t.strings.get(t.spanName[row]),
    kind: t.spanKind[row],
    startNs,
    endNs: startNs + BigInt(t.spanDuration[row]),
    status: t.spanStatus[row],
    statusMessage: t.strings.get(t.spanStatusMessage[row]),
    traceState: t.strings.get(t.spanTraceState[row]),
    attrs: attrsOf(t, t.spanAttrs, t.spanAttrEnd, row),
    events,
    links,
    resource: attrsOf(t, t.resourceAttrs, t.resourceAttrEnd, t.spanResource[row]),
    scope: { name: t.strings.get(t.scopeName[scope]), version: t.strings.get(t.scopeVersion[scope]), attrs: attrsOf(t, t.scopeAttrs, t.scopeAttrEnd, scope) },
    droppedAttrs: t.spanDroppedAttrs[row],
    droppedEvents: t.spanDroppedEvents[row],
    droppedLinks: t.spanDroppedLinks[row],
  };
}

function attrsOf(t: SpanTable, list: AttrList, ends: Uint32Array, owner: number): PlainAttrs {
  return range(ends, owner).map((i) => [t.strings.get(list.key[i]), valueOf(t, list, i)] as const);
}

function valueOf(t: SpanTable, list: AttrList, i: number): PlainValue {
  switch (list.type[i]) {
    case ATTR_STRING:
      return t.strings.get(list.u32[i * 2]);
    case ATTR_INT:
      return list.i64[i];
    case ATTR_DOUBLE:
      return list.f64[i];
    case ATTR_BOOL:
      return list.u32[i * 2] !== 0;
    case ATTR_ARRAY:
      return Array.from({ length: list.u32[i * 2 + 1] }, (_, e) => valueOf(t, t.elements, list.u32[i * 2] + e));
    default:
      return fromAnyValueJson(JSON.parse(t.strings.get(list.u32[i * 2])) as Record<string, unknown>);
  }
}

function range(ends: Uint32Array, owner: number): number[] {
  const from = owner === 0 ? 0 : ends[owner - 1];
  return Array.from({ length: ends[owner] - from }, (_, i) => from + i);
}

function halves(column: Uint32Array, row: number): bigint {
  return (BigInt(column[row * 2 + 1]) << 32n) | BigInt(column[row * 2]);
}

function setHalves(column: Uint32Array, row: number, value: bigint): void {
  column[row * 2] = Number(value & MASK);
  column[row * 2 + 1] = Number((value >> 32n) & MASK);
}

function bytesOf(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const padded = text.padStart(length * 2, '0');
  for (let i = 0; i < length; i++) bytes[i] = Number.parseInt(padded.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

function print(attrs: PlainAttrs): string {
  return JSON.stringify(attrs, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v instanceof Uint8Array ? decodeUtf8(v, 0, v.length) : v));
}
