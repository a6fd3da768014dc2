import { identityOrder, TableColumns } from '@vivace/trace';
import type { AttrColumn, AttrScope, ColumnName, ColumnNeeds, NestedSets, ServiceStat, SpanColumns, StringColumn } from '@vivace/trace';
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

/** `SpanColumns` over a part: `load` reads just the sections the query needs. Borrows the reader. */
export class PartColumns implements SpanColumns {
  readonly traceCount: number;
  readonly spanCount: number;
  readonly #reader: PartReader;
  #sections = new Set<string>();
  #columns: TableColumns | undefined;

  constructor(reader: PartReader) {
    this.#reader = reader;
    this.traceCount = reader.header.counts.trace;
    this.spanCount = reader.header.counts.span;
  }

  get inspectedBytes(): number {
    return this.#reader.bytesRead;
  }

  load(needs: ColumnNeeds): Promise<void> {
    const names = new Set(this.#sections);
    for (const column of needs.columns) for (const name of SECTIONS_OF[column]) names.add(name);
    for (const { scope } of needs.attrs) for (const name of ATTRS_OF[scope]) names.add(name);
    if (!this.#columns || names.size > this.#sections.size) this.#open(names);
    return Promise.resolve();
  }

  attrKeys(scope: AttrScope): Promise<readonly string[]> {
    const names = new Set([...this.#sections, ...ATTRS_OF[scope]]);
    if (!this.#columns || names.size > this.#sections.size) this.#open(names);
    return this.#loaded().attrKeys(scope);
  }

  traceSpans(): Uint32Array {
    return this.#reader.traceSpans();
  }
  traceIds(): Uint8Array {
    return this.#loaded().traceIds();
  }
  traceStart(): Uint32Array {
    return this.#loaded().traceStart();
  }
  traceDuration(): Float64Array {
    return this.#loaded().traceDuration();
  }
  rootService(): StringColumn {
    return this.#loaded().rootService();
  }
  rootName(): StringColumn {
    return this.#loaded().rootName();
  }
  serviceStats(trace: number): readonly ServiceStat[] {
    return this.#loaded().serviceStats(trace);
  }
  resourceCount(): number {
    return this.#reader.header.counts.resource;
  }
  spanResource(): Uint32Array {
    return this.#loaded().spanResource();
  }
  scopeCount(): number {
    return this.#reader.header.counts.scope;
  }
  spanScope(): Uint32Array {
    return this.#loaded().spanScope();
  }
  scopeName(): StringColumn {
    return this.#loaded().scopeName();
  }
  scopeVersion(): StringColumn {
    return this.#loaded().scopeVersion();
  }
  spanIds(): Uint8Array {
    return this.#loaded().spanIds();
  }
  parentIds(): Uint8Array {
    return this.#loaded().parentIds();
  }
  spanStart(): Uint32Array {
    return this.#loaded().spanStart();
  }
  spanDuration(): Float64Array {
    return this.#loaded().spanDuration();
  }
  kind(): Uint8Array {
    return this.#loaded().kind();
  }
  status(): Uint8Array {
    return this.#loaded().status();
  }
  name(): StringColumn {
    return this.#loaded().name();
  }
  statusMessage(): StringColumn {
    return this.#loaded().statusMessage();
  }
  nestedSets(): NestedSets {
    return this.#loaded().nestedSets();
  }
  eventCount(): number {
    return this.#reader.header.counts.event;
  }
  eventSpan(): Uint32Array {
    return this.#loaded().eventSpan();
  }
  eventName(): StringColumn {
    return this.#loaded().eventName();
  }
  eventOffset(): Uint32Array {
    return this.#loaded().eventOffset();
  }
  linkCount(): number {
    return this.#reader.header.counts.link;
  }
  linkSpan(): Uint32Array {
    return this.#loaded().linkSpan();
  }
  linkTraceIds(): Uint8Array {
    return this.#loaded().linkTraceIds();
  }
  linkSpanIds(): Uint8Array {
    return this.#loaded().linkSpanIds();
  }
  attr(scope: AttrScope, key: string): readonly AttrColumn[] {
    return this.#loaded().attr(scope, key);
  }

  #open(names: Set<string>): void {
    const table = this.#reader.readTraces(0, this.traceCount, names);
    this.#sections = names;
    this.#columns = new TableColumns(table, identityOrder(table));
  }

  #loaded(): TableColumns {
    if (!this.#columns) throw new Error(`part ${this.#reader.path}: columns asked before load`);
    return this.#columns;
  }
}
