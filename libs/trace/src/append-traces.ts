import { ATTR_ARRAY, ATTR_JSON, ATTR_STRING } from './attr-list.ts';
import type { AttrList } from './attr-list.ts';
import { SpanTable } from './span-table.ts';
import type { TraceOrder } from './trace-order.ts';

/**
 * Copies traces from one table into another by columns: the step shared by sorting, merging parts, compaction and trace assembly.
 * An appender remembers how strings, resources and scopes of its source map to the target, so use one per pair of tables.
 * Resources (scopes) of equal content become one row of the target, whichever source they came from.
 */
export class TraceAppender {
  readonly #from: SpanTable;
  readonly #to: SpanTable;
  readonly #content: ContentIndex;
  /** Source id → target id + 1; zero: not mapped yet. */
  readonly #strings: Uint32Array;
  readonly #resources: Uint32Array;
  readonly #scopes: Uint32Array;

  constructor(from: SpanTable, to: SpanTable) {
    this.#from = from;
    this.#to = to;
    this.#content = contentOf(to);
    this.#strings = new Uint32Array(from.strings.size);
    this.#resources = new Uint32Array(from.resourceCount);
    this.#scopes = new Uint32Array(from.scopeCount);
  }

  /** Appends traces `[traceFrom, traceTo)` of `order`, spans in its order. A trace already in the target is continued. */
  append(order: TraceOrder, traceFrom = 0, traceTo = order.traceCount): void {
    const from = this.#from;
    const to = this.#to;
    to.ensureSpans(order.traceSpans[traceTo] - order.traceSpans[traceFrom]);
    for (let t = traceFrom; t < traceTo; t++) {
      const source = order.traces[t];
      const trace = to.internTrace(from.traceId, source * 16);
      to.traceBytes[trace] += from.traceBytes[source];
      for (let i = order.traceSpans[t]; i < order.traceSpans[t + 1]; i++) this.#span(order.spans[i], trace);
    }
  }

  #span(s: number, trace: number): void {
    const from = this.#from;
    const to = this.#to;
    const d = to.spanCount;
    to.spanTrace[d] = trace;
    to.spanResource[d] = this.#resource(from.spanResource[s]);
    to.spanScope[d] = this.#scope(from.spanScope[s]);
    for (let i = 0; i < 8; i++) {
      to.spanId[d * 8 + i] = from.spanId[s * 8 + i];
      to.spanParentId[d * 8 + i] = from.spanParentId[s * 8 + i];
    }
    to.spanStart[d * 2] = from.spanStart[s * 2];
    to.spanStart[d * 2 + 1] = from.spanStart[s * 2 + 1];
    to.spanDuration[d] = from.spanDuration[s];
    to.spanKind[d] = from.spanKind[s];
    to.spanStatus[d] = from.spanStatus[s];
    to.spanName[d] = this.#string(from.spanName[s]);
    to.spanStatusMessage[d] = this.#string(from.spanStatusMessage[s]);
    to.spanTraceState[d] = this.#string(from.spanTraceState[s]);
    to.spanDroppedAttrs[d] = from.spanDroppedAttrs[s];
    to.spanDroppedEvents[d] = from.spanDroppedEvents[s];
    to.spanDroppedLinks[d] = from.spanDroppedLinks[s];
    this.#attrs(from.spanAttrs, startOf(from.spanAttrEnd, s), from.spanAttrEnd[s], to.spanAttrs);
    to.spanAttrEnd[d] = to.spanAttrs.count;
    const eventEnd = from.spanEventEnd[s];
    for (let e = startOf(from.spanEventEnd, s); e < eventEnd; e++) this.#event(e);
    to.spanEventEnd[d] = to.eventCount;
    const linkEnd = from.spanLinkEnd[s];
    for (let l = startOf(from.spanLinkEnd, s); l < linkEnd; l++) this.#link(l);
    to.spanLinkEnd[d] = to.linkCount;
    to.spanCount = d + 1;
  }

  #event(s: number): void {
    const from = this.#from;
    const to = this.#to;
    to.ensureEvents(1);
    const d = to.eventCount++;
    to.eventOffset[d * 2] = from.eventOffset[s * 2];
    to.eventOffset[d * 2 + 1] = from.eventOffset[s * 2 + 1];
    to.eventName[d] = this.#string(from.eventName[s]);
    to.eventDropped[d] = from.eventDropped[s];
    this.#attrs(from.eventAttrs, startOf(from.eventAttrEnd, s), from.eventAttrEnd[s], to.eventAttrs);
    to.eventAttrEnd[d] = to.eventAttrs.count;
  }

  #link(s: number): void {
    const from = this.#from;
    const to = this.#to;
    to.ensureLinks(1);
    const d = to.linkCount++;
    for (let i = 0; i < 16; i++) to.linkTraceId[d * 16 + i] = from.linkTraceId[s * 16 + i];
    for (let i = 0; i < 8; i++) to.linkSpanId[d * 8 + i] = from.linkSpanId[s * 8 + i];
    to.linkTraceState[d] = this.#string(from.linkTraceState[s]);
    to.linkDropped[d] = from.linkDropped[s];
    this.#attrs(from.linkAttrs, startOf(from.linkAttrEnd, s), from.linkAttrEnd[s], to.linkAttrs);
    to.linkAttrEnd[d] = to.linkAttrs.count;
  }

  #attrs(source: AttrList, from: number, to: number, target: AttrList): void {
    target.ensure(to - from);
    let d = target.count;
    for (let s = from; s < to; s++, d++) {
      target.key[d] = this.#string(source.key[s]);
      const type = source.type[s];
      target.type[d] = type;
      if (type === ATTR_STRING || type === ATTR_JSON) {
        target.u32[d * 2] = this.#string(source.u32[s * 2]);
        target.u32[d * 2 + 1] = 0;
      } else if (type === ATTR_ARRAY) {
        target.u32[d * 2] = this.#to.elements.count;
        target.u32[d * 2 + 1] = source.u32[s * 2 + 1];
        this.#elements(source.u32[s * 2], source.u32[s * 2 + 1]);
      } else {
        target.u32[d * 2] = source.u32[s * 2];
        target.u32[d * 2 + 1] = source.u32[s * 2 + 1];
      }
    }
    target.count = d;
  }

  #elements(first: number, n: number): void {
    const source = this.#from.elements;
    const target = this.#to.elements;
    target.ensure(n);
    for (let s = first; s < first + n; s++) {
      const d = target.count++;
      target.type[d] = source.type[s];
      target.u32[d * 2] = source.type[s] === ATTR_STRING ? this.#string(source.u32[s * 2]) : source.u32[s * 2];
      target.u32[d * 2 + 1] = source.type[s] === ATTR_STRING ? 0 : source.u32[s * 2 + 1];
    }
  }

  #string(id: number): number {
    const known = this.#strings[id];
    if (known !== 0) return known - 1;
    const { data, ends } = this.#from.strings;
    const mapped = this.#to.strings.intern(data, startOf(ends, id), ends[id]);
    this.#strings[id] = mapped + 1;
    return mapped;
  }

  #resource(s: number): number {
    const known = this.#resources[s];
    if (known !== 0) return known - 1;
    const from = this.#from;
    const to = this.#to;
    to.ensureResources(1);
    const d = to.resourceCount;
    const at = mark(to);
    this.#attrs(from.resourceAttrs, startOf(from.resourceAttrEnd, s), from.resourceAttrEnd[s], to.resourceAttrs);
    const key = `${from.resourceDropped[s]};${contentKey(to, to.resourceAttrs, at.resource)}`;
    let row = this.#content.resources.get(key);
    if (row === undefined) {
      row = d;
      to.resourceService[d] = this.#string(from.resourceService[s]);
      to.resourceDropped[d] = from.resourceDropped[s];
      to.resourceAttrEnd[d] = to.resourceAttrs.count;
      to.resourceCount = d + 1;
      this.#content.resources.set(key, d);
    } else reset(to, at);
    this.#resources[s] = row + 1;
    return row;
  }

  #scope(s: number): number {
    const known = this.#scopes[s];
    if (known !== 0) return known - 1;
    const from = this.#from;
    const to = this.#to;
    to.ensureScopes(1);
    const d = to.scopeCount;
    const at = mark(to);
    const name = this.#string(from.scopeName[s]);
    const version = this.#string(from.scopeVersion[s]);
    this.#attrs(from.scopeAttrs, startOf(from.scopeAttrEnd, s), from.scopeAttrEnd[s], to.scopeAttrs);
    const key = `${name};${version};${from.scopeDropped[s]};${contentKey(to, to.scopeAttrs, at.scope)}`;
    let row = this.#content.scopes.get(key);
    if (row === undefined) {
      row = d;
      to.scopeName[d] = name;
      to.scopeVersion[d] = version;
      to.scopeDropped[d] = from.scopeDropped[s];
      to.scopeAttrEnd[d] = to.scopeAttrs.count;
      to.scopeCount = d + 1;
      this.#content.scopes.set(key, d);
    } else reset(to, at);
    this.#scopes[s] = row + 1;
    return row;
  }
}

/** Rows of a target by content, shared by all appenders into it. */
interface ContentIndex {
  readonly generation: number;
  readonly resources: Map<string, number>;
  readonly scopes: Map<string, number>;
}

const contents = new WeakMap<SpanTable, ContentIndex>();

function contentOf(table: SpanTable): ContentIndex {
  let index = contents.get(table);
  if (index?.generation !== table.generation) {
    index = { generation: table.generation, resources: new Map(), scopes: new Map() };
    contents.set(table, index);
  }
  return index;
}

interface Mark {
  readonly resource: number;
  readonly scope: number;
  readonly elements: number;
}

function mark(table: SpanTable): Mark {
  return { resource: table.resourceAttrs.count, scope: table.scopeAttrs.count, elements: table.elements.count };
}

function reset(table: SpanTable, at: Mark): void {
  table.resourceAttrs.count = at.resource;
  table.scopeAttrs.count = at.scope;
  table.elements.count = at.elements;
}

function contentKey(table: SpanTable, list: AttrList, from: number): string {
  let key = '';
  for (let i = from; i < list.count; i++) {
    key += `${list.key[i]}:${list.type[i]}:`;
    if (list.type[i] !== ATTR_ARRAY) key += `${list.u32[i * 2]}.${list.u32[i * 2 + 1]};`;
    else {
      const { elements } = table;
      for (let e = list.u32[i * 2]; e < list.u32[i * 2] + list.u32[i * 2 + 1]; e++)
        key += `${elements.type[e]}.${elements.u32[e * 2]}.${elements.u32[e * 2 + 1]},`;
      key += ';';
    }
  }
  return key;
}

function startOf(ends: Uint32Array, row: number): number {
  return row === 0 ? 0 : ends[row - 1];
}

/** A new table with the rows of `table` in storage order: traces ascending, spans of a trace together. */
export function sortedTable(table: SpanTable, order: TraceOrder): SpanTable {
  const sorted = new SpanTable({
    traces: Math.max(64, table.traceCount),
    spans: Math.max(64, order.spans.length),
    attrs: Math.max(64, table.spanAttrs.count),
    strings: Math.max(64, table.strings.size),
    stringBytes: Math.max(64, table.strings.dataLength),
  });
  new TraceAppender(table, sorted).append(order);
  return sorted;
}
