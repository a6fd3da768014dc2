import { identityOrder, TableColumns } from '@vivace/trace';
import type { AttrColumn, AttrScope, ColumnName, ColumnNeeds, NestedSets, ServiceStat, SpanColumns, SpanTable, StringColumn, TraceOrder } from '@vivace/trace';
import type { PartReader } from './part-reader.ts';

const resource = ['resourceService', 'spanResource'];
const links = ['spanLinkEnd', 'linkTraceId', 'linkSpanId'];
const linkAttrs = ['spanLinkEnd', 'linkAttrEnd', 'linkAttrKey', 'linkAttrType', 'linkAttrValue'];

/** Sections behind each column; `traceSpans` and strings are always read. */
const SECTIONS_OF: Record<ColumnName, readonly string[]> = {
  traceId: ['traceId'],
  traceTimes: ['traceId', 'spanStart', 'spanDuration', 'spanName', 'spanParentId', ...resource, ...links, ...linkAttrs],
  roots: ['traceId', 'spanStart', 'spanDuration', 'spanName', 'spanParentId', ...resource, ...links, ...linkAttrs],
  serviceStats: ['spanStatus', ...resource],
  spanId: ['spanId'],
  parentId: ['spanParentId'],
  start: ['spanStart'],
  duration: ['spanDuration'],
  kind: ['spanKind'],
  status: ['spanStatus'],
  name: ['spanName'],
  statusMessage: ['spanStatusMessage'],
  nestedSets: ['spanId', 'spanParentId', 'spanKind'],
  resource: ['spanResource'],
  scope: ['spanScope'],
  scopeName: ['scopeName'],
  scopeVersion: ['scopeVersion'],
  events: ['spanEventEnd'],
  eventName: ['spanEventEnd', 'eventName'],
  eventOffset: ['spanEventEnd', 'eventOffset'],
  links: ['spanLinkEnd'],
  linkTraceId: ['spanLinkEnd', 'linkTraceId'],
  linkSpanId: ['spanLinkEnd', 'linkSpanId'],
};

/** Sections behind the attributes of a scope. */
const ATTRS_OF: Record<AttrScope, readonly string[]> = {
  resource: ['resourceAttrEnd', 'resourceAttrKey', 'resourceAttrType', 'resourceAttrValue', 'elementType', 'elementValue'],
  scope: ['scopeAttrEnd', 'scopeAttrKey', 'scopeAttrType', 'scopeAttrValue', 'elementType', 'elementValue'],
  span: ['spanAttrEnd', 'spanAttrKey', 'spanAttrType', 'spanAttrValue', 'elementType', 'elementValue'],
  event: ['spanEventEnd', 'eventAttrEnd', 'eventAttrKey', 'eventAttrType', 'eventAttrValue', 'elementType', 'elementValue'],
  link: [...linkAttrs, 'elementType', 'elementValue'],
};

const NO_SECTIONS: ReadonlySet<string> = new Set();

/**
 * `SpanColumns` over a part: `load` reads just the sections the query needs. Borrows the reader. `orderOf` may leave traces out.
 */
export class PartColumns implements SpanColumns {
  readonly traceCount: number;
  readonly spanCount: number;
  readonly #reader: PartReader;
  #sections = NO_SECTIONS;
  #columns: TableColumns;

  constructor(reader: PartReader, orderOf: (table: SpanTable) => TraceOrder = identityOrder) {
    this.#reader = reader;
    const table = this.#table(NO_SECTIONS);
    this.#columns = new TableColumns(table, orderOf(table));
    this.traceCount = this.#columns.traceCount;
    this.spanCount = this.#columns.spanCount;
  }

  get inspectedBytes(): number {
    return this.#reader.bytesRead;
  }

  load(needs: ColumnNeeds): Promise<void> {
    const names = new Set(this.#sections);
    for (const column of needs.columns) for (const name of SECTIONS_OF[column]) names.add(name);
    for (const { scope } of needs.attrs) for (const name of ATTRS_OF[scope]) names.add(name);
    this.#widen(names);
    return Promise.resolve();
  }

  attrKeys(scope: AttrScope): Promise<readonly string[]> {
    this.#widen(new Set([...this.#sections, ...ATTRS_OF[scope]]));
    return this.#columns.attrKeys(scope);
  }

  traceSpans(): Uint32Array {
    return this.#columns.traceSpans();
  }
  traceIds(): Uint8Array {
    return this.#columns.traceIds();
  }
  traceStart(): Uint32Array {
    return this.#columns.traceStart();
  }
  traceDuration(): Float64Array {
    return this.#columns.traceDuration();
  }
  rootService(): StringColumn {
    return this.#columns.rootService();
  }
  rootName(): StringColumn {
    return this.#columns.rootName();
  }
  serviceStats(trace: number): readonly ServiceStat[] {
    return this.#columns.serviceStats(trace);
  }
  resourceCount(): number {
    return this.#reader.header.counts.resource;
  }
  spanResource(): Uint32Array {
    return this.#columns.spanResource();
  }
  scopeCount(): number {
    return this.#reader.header.counts.scope;
  }
  spanScope(): Uint32Array {
    return this.#columns.spanScope();
  }
  scopeName(): StringColumn {
    return this.#columns.scopeName();
  }
  scopeVersion(): StringColumn {
    return this.#columns.scopeVersion();
  }
  spanIds(): Uint8Array {
    return this.#columns.spanIds();
  }
  parentIds(): Uint8Array {
    return this.#columns.parentIds();
  }
  spanStart(): Uint32Array {
    return this.#columns.spanStart();
  }
  spanDuration(): Float64Array {
    return this.#columns.spanDuration();
  }
  kind(): Uint8Array {
    return this.#columns.kind();
  }
  status(): Uint8Array {
    return this.#columns.status();
  }
  name(): StringColumn {
    return this.#columns.name();
  }
  statusMessage(): StringColumn {
    return this.#columns.statusMessage();
  }
  nestedSets(): NestedSets {
    return this.#columns.nestedSets();
  }
  eventCount(): number {
    return this.#columns.eventCount();
  }
  eventSpan(): Uint32Array {
    return this.#columns.eventSpan();
  }
  eventName(): StringColumn {
    return this.#columns.eventName();
  }
  eventOffset(): Uint32Array {
    return this.#columns.eventOffset();
  }
  linkCount(): number {
    return this.#columns.linkCount();
  }
  linkSpan(): Uint32Array {
    return this.#columns.linkSpan();
  }
  linkTraceIds(): Uint8Array {
    return this.#columns.linkTraceIds();
  }
  linkSpanIds(): Uint8Array {
    return this.#columns.linkSpanIds();
  }
  attr(scope: AttrScope, key: string): readonly AttrColumn[] {
    return this.#columns.attr(scope, key);
  }

  #widen(names: ReadonlySet<string>): void {
    if (names.size > this.#sections.size) {
      this.#columns = this.#columns.over(this.#table(names));
      this.#sections = names;
    }
  }

  #table(names: ReadonlySet<string>): SpanTable {
    return this.#reader.readTraces(0, this.#reader.header.counts.trace, names);
  }
}
