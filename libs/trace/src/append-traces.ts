import { ATTR_ARRAY, ATTR_JSON, ATTR_STRING } from './attr-list.ts';
import type { AttrList } from './attr-list.ts';
import { between, ChildRows, copyBytes, copyWords, rowsOf } from './copy-rows.ts';
import type { Rows } from './copy-rows.ts';
import { SpanTable } from './span-table.ts';
import type { TraceOrder } from './trace-order.ts';

/**
 * Copies traces from one table into another, column by column: the step shared by sorting, merging parts, compaction and trace assembly.
 * An appender remembers how strings, resources and scopes of its source map to the target, so use one per pair of tables.
 * Resources (scopes) of equal content become one row of the target, whichever source they came from.
 */
export class TraceAppender {
  readonly #from: SpanTable;
  readonly #to: SpanTable;
  readonly #content: ContentIndex;
  /** Source id → target id + 1; zero: not mapped yet. Undefined: both have one dictionary. */
  readonly #strings: Uint32Array | undefined;
  readonly #resources: Uint32Array;
  readonly #scopes: Uint32Array;
  readonly #spanAttrs = new ChildRows();
  readonly #events = new ChildRows();
  readonly #eventAttrs = new ChildRows();
  readonly #links = new ChildRows();
  readonly #linkAttrs = new ChildRows();

  constructor(from: SpanTable, to: SpanTable) {
    this.#from = from;
    this.#to = to;
    this.#content = contentOf(to);
    this.#strings = from.strings === to.strings ? undefined : new Uint32Array(from.strings.size);
    this.#resources = new Uint32Array(from.resourceCount);
    this.#scopes = new Uint32Array(from.scopeCount);
  }

  /** Appends traces `[traceFrom, traceTo)` of `order`, spans in its order. A trace already in the target is continued. */
  append(order: TraceOrder, traceFrom = 0, traceTo = order.traceCount): void {
    const from = this.#from;
    const to = this.#to;
    const first = order.traceSpans[traceFrom];
    const rows = rowsOf(order.spans, first, order.traceSpans[traceTo]);
    to.ensureSpans(rows.count);
    const d = to.spanCount;
    for (let t = traceFrom; t < traceTo; t++) {
      const source = order.traces[t];
      const trace = to.internTrace(from.traceId, source * 16);
      to.traceBytes[trace] += from.traceBytes[source];
      to.spanTrace.fill(trace, d + order.traceSpans[t] - first, d + order.traceSpans[t + 1] - first);
    }
    this.#owners(rows, d);
    copyWords(from.spanId, to.spanId, rows, d, 2);
    copyWords(from.spanParentId, to.spanParentId, rows, d, 2);
    copyWords(from.spanStart, to.spanStart, rows, d, 2);
    copyWords(from.spanDuration, to.spanDuration, rows, d, 2);
    copyBytes(from.spanKind, to.spanKind, rows, d);
    copyBytes(from.spanStatus, to.spanStatus, rows, d);
    this.#copyStrings(from.spanName, to.spanName, rows, d);
    this.#copyStrings(from.spanStatusMessage, to.spanStatusMessage, rows, d);
    this.#copyStrings(from.spanTraceState, to.spanTraceState, rows, d);
    copyWords(from.spanDroppedAttrs, to.spanDroppedAttrs, rows, d, 1);
    copyWords(from.spanDroppedEvents, to.spanDroppedEvents, rows, d, 1);
    copyWords(from.spanDroppedLinks, to.spanDroppedLinks, rows, d, 1);
    this.#attrs(from.spanAttrs, this.#spanAttrs.of(rows, from.spanAttrEnd, to.spanAttrEnd, d, to.spanAttrs.count), to.spanAttrs);
    this.#appendEvents(this.#events.of(rows, from.spanEventEnd, to.spanEventEnd, d, to.eventCount));
    this.#appendLinks(this.#links.of(rows, from.spanLinkEnd, to.spanLinkEnd, d, to.linkCount));
    to.spanCount = d + rows.count;
  }

  #owners(rows: Rows, d: number): void {
    const { spanResource, spanScope } = this.#from;
    const to = this.#to;
    for (let i = 0; i < rows.count; i++) {
      const s = rows.list === undefined ? rows.first + i : rows.list[rows.first + i];
      const resource = this.#resources[spanResource[s]];
      to.spanResource[d + i] = resource === 0 ? this.#resource(spanResource[s]) : resource - 1;
      const scope = this.#scopes[spanScope[s]];
      to.spanScope[d + i] = scope === 0 ? this.#scope(spanScope[s]) : scope - 1;
    }
  }

  #appendEvents(rows: Rows): void {
    if (rows.count === 0) return;
    const from = this.#from;
    const to = this.#to;
    to.ensureEvents(rows.count);
    const d = to.eventCount;
    copyWords(from.eventOffset, to.eventOffset, rows, d, 2);
    this.#copyStrings(from.eventName, to.eventName, rows, d);
    copyWords(from.eventDropped, to.eventDropped, rows, d, 1);
    this.#attrs(from.eventAttrs, this.#eventAttrs.of(rows, from.eventAttrEnd, to.eventAttrEnd, d, to.eventAttrs.count), to.eventAttrs);
    to.eventCount = d + rows.count;
  }

  #appendLinks(rows: Rows): void {
    if (rows.count === 0) return;
    const from = this.#from;
    const to = this.#to;
    to.ensureLinks(rows.count);
    const d = to.linkCount;
    copyWords(from.linkTraceId, to.linkTraceId, rows, d, 4);
    copyWords(from.linkSpanId, to.linkSpanId, rows, d, 2);
    this.#copyStrings(from.linkTraceState, to.linkTraceState, rows, d);
    copyWords(from.linkDropped, to.linkDropped, rows, d, 1);
    this.#attrs(from.linkAttrs, this.#linkAttrs.of(rows, from.linkAttrEnd, to.linkAttrEnd, d, to.linkAttrs.count), to.linkAttrs);
    to.linkCount = d + rows.count;
  }

  #attrs(source: AttrList, rows: Rows, target: AttrList): void {
    if (rows.count === 0) return;
    target.ensure(rows.count);
    const d = target.count;
    this.#copyStrings(source.key, target.key, rows, d);
    copyBytes(source.type, target.type, rows, d);
    copyWords(source.u32, target.u32, rows, d, 2);
    this.#translate(target, d, d + rows.count);
    target.count = d + rows.count;
  }

  /** Values that are ids of the source become ids of the target. */
  #translate(list: AttrList, from: number, to: number): void {
    const strings = this.#strings;
    const isShared = this.#from.elements === this.#to.elements;
    if (strings === undefined && isShared) return;
    const { type, u32 } = list;
    for (let i = from; i < to; i++) {
      if (type[i] === ATTR_STRING || type[i] === ATTR_JSON) {
        if (strings === undefined) continue;
        const known = strings[u32[i * 2]];
        u32[i * 2] = known === 0 ? this.#string(u32[i * 2]) : known - 1;
      } else if (type[i] === ATTR_ARRAY && !isShared) {
        const first = u32[i * 2];
        u32[i * 2] = this.#to.elements.count;
        this.#elements(first, u32[i * 2 + 1]);
      }
    }
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

  #copyStrings(source: Uint32Array, target: Uint32Array, rows: Rows, d: number): void {
    const strings = this.#strings;
    if (strings === undefined) return copyWords(source, target, rows, d, 1);
    const { list, first, count } = rows;
    for (let i = 0; i < count; i++) {
      const id = source[list === undefined ? first + i : list[first + i]];
      const known = strings[id];
      target[d + i] = known === 0 ? this.#string(id) : known - 1;
    }
  }

  #string(id: number): number {
    const strings = this.#strings;
    if (strings === undefined) return id;
    const known = strings[id];
    if (known !== 0) return known - 1;
    const { data, ends } = this.#from.strings;
    const mapped = this.#to.strings.intern(data, startOf(ends, id), ends[id]);
    strings[id] = mapped + 1;
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
    this.#attrs(from.resourceAttrs, between(startOf(from.resourceAttrEnd, s), from.resourceAttrEnd[s]), to.resourceAttrs);
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
    this.#attrs(from.scopeAttrs, between(startOf(from.scopeAttrEnd, s), from.scopeAttrEnd[s]), to.scopeAttrs);
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

/**
 * A new table with the rows of `table` in storage order: traces ascending, spans of a trace together. It has the dictionary and the array
 * elements of `table` itself, so nothing may be added to either.
 */
export function sortedTable(table: SpanTable, order: TraceOrder): SpanTable {
  const sorted = new SpanTable(
    { traces: Math.max(64, table.traceCount), spans: Math.max(64, order.spans.length), attrs: Math.max(64, table.spanAttrs.count) },
    undefined,
    table,
  );
  new TraceAppender(table, sorted).append(order);
  return sorted;
}
