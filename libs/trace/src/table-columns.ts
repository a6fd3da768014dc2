import { ATTR_ARRAY, ATTR_JSON } from './attr-list.ts';
import type { AttrList } from './attr-list.ts';
import { nestedSets } from './nested-sets.ts';
import type { AttrColumn, AttrScope, ColumnNeeds, NestedSets, ServiceStat, SpanColumns, StringColumn } from './span-columns.ts';
import type { SpanTable } from './span-table.ts';
import { orderByTrace } from './trace-order.ts';
import type { TraceOrder } from './trace-order.ts';
import { summariseTraces } from './trace-summary.ts';
import type { TraceSummary } from './trace-summary.ts';

/** Rows of one level in view order, and where their attributes lie in the table. `rows` undefined: as in the table. */
interface Level {
  readonly count: number;
  readonly rows: Uint32Array | undefined;
  readonly ends: Uint32Array;
  readonly attrs: AttrList;
}

/**
 * `SpanColumns` over a table in memory, in the order of `order`. Columns are gathered on first use and kept; the table may go on
 * growing behind it (rows that came later are not in the order).
 */
export class TableColumns implements SpanColumns {
  readonly traceCount: number;
  readonly spanCount: number;
  readonly inspectedBytes: number = 0;
  readonly #table: SpanTable;
  readonly #order: TraceOrder;
  readonly #cache: Map<string, unknown>;
  /** The view is the table as it lies: columns are not gathered but shown. */
  readonly #isWhole: boolean;

  constructor(table: SpanTable, order: TraceOrder = orderByTrace(table), cache = new Map<string, unknown>()) {
    this.#cache = cache;
    this.#table = table;
    this.#order = order;
    this.traceCount = order.traceCount;
    this.spanCount = order.spans.length;
    this.#isWhole = isIdentity(order.spans) && isIdentity(order.traces);
  }

  /** The same view of the same table, of which more was read. What was gathered stays. */
  over(table: SpanTable): TableColumns {
    return new TableColumns(table, this.#order, this.#cache);
  }

  load(_needs: ColumnNeeds, _signal?: AbortSignal): Promise<void> {
    return Promise.resolve();
  }

  traceSpans(): Uint32Array {
    return this.#order.traceSpans;
  }

  traceIds(): Uint8Array {
    return this.#once('traceIds', () => this.#bytes(this.#table.traceId, this.#order.traces, 16));
  }

  traceStart(): Uint32Array {
    return this.#summary().start;
  }

  traceDuration(): Float64Array {
    return this.#summary().duration;
  }

  rootService(): StringColumn {
    return { ids: this.#summary().rootService, dict: this.#table.strings };
  }

  rootName(): StringColumn {
    return { ids: this.#summary().rootName, dict: this.#table.strings };
  }

  serviceStats(trace: number): readonly ServiceStat[] {
    const { spans, traceSpans } = this.#order;
    const { resourceService, spanResource, spanStatus, strings } = this.#table;
    const stats = new Map<number, { service: string; spanCount: number; errorCount: number }>();
    for (let i = traceSpans[trace]; i < traceSpans[trace + 1]; i++) {
      const id = resourceService[spanResource[spans[i]]];
      let stat = stats.get(id);
      if (!stat) stats.set(id, (stat = { service: strings.get(id), spanCount: 0, errorCount: 0 }));
      stat.spanCount++;
      if (spanStatus[spans[i]] === 2) stat.errorCount++;
    }
    return [...stats.values()];
  }

  resourceCount(): number {
    return this.#table.resourceCount;
  }

  spanResource(): Uint32Array {
    return this.#gather('spanResource', this.#table.spanResource);
  }

  scopeCount(): number {
    return this.#table.scopeCount;
  }

  spanScope(): Uint32Array {
    return this.#gather('spanScope', this.#table.spanScope);
  }

  scopeName(): StringColumn {
    return { ids: this.#table.scopeName.subarray(0, this.#table.scopeCount), dict: this.#table.strings };
  }

  scopeVersion(): StringColumn {
    return { ids: this.#table.scopeVersion.subarray(0, this.#table.scopeCount), dict: this.#table.strings };
  }

  spanIds(): Uint8Array {
    return this.#once('spanIds', () => this.#bytes(this.#table.spanId, this.#order.spans, 8));
  }

  parentIds(): Uint8Array {
    return this.#once('parentIds', () => this.#bytes(this.#table.spanParentId, this.#order.spans, 8));
  }

  spanStart(): Uint32Array {
    const { spanStart } = this.#table;
    return this.#once('spanStart', () => (this.#isWhole ? spanStart.subarray(0, 2 * this.spanCount) : gatherPairs(spanStart, this.#order.spans)));
  }

  spanDuration(): Float64Array {
    return this.#once('spanDuration', () => {
      const { spans } = this.#order;
      if (this.#isWhole) return this.#table.spanDuration.subarray(0, spans.length);
      const out = new Float64Array(spans.length);
      for (let i = 0; i < spans.length; i++) out[i] = this.#table.spanDuration[spans[i]];
      return out;
    });
  }

  kind(): Uint8Array {
    return this.#once('kind', () => this.#bytes(this.#table.spanKind, this.#order.spans, 1));
  }

  status(): Uint8Array {
    return this.#once('status', () => this.#bytes(this.#table.spanStatus, this.#order.spans, 1));
  }

  name(): StringColumn {
    return { ids: this.#gather('name', this.#table.spanName), dict: this.#table.strings };
  }

  statusMessage(): StringColumn {
    return { ids: this.#gather('statusMessage', this.#table.spanStatusMessage), dict: this.#table.strings };
  }

  nestedSets(): NestedSets {
    return this.#once('nestedSets', () => nestedSets(this.spanCount, this.traceSpans(), this.spanIds(), this.parentIds(), this.kind()));
  }

  eventCount(): number {
    return this.#events().rows.length;
  }

  eventSpan(): Uint32Array {
    return this.#events().owner;
  }

  eventName(): StringColumn {
    return { ids: this.#once('eventName', () => gatherU32(this.#table.eventName, this.#events().rows)), dict: this.#table.strings };
  }

  eventOffset(): Uint32Array {
    return this.#once('eventOffset', () => gatherPairs(this.#table.eventOffset, this.#events().rows));
  }

  linkCount(): number {
    return this.#links().rows.length;
  }

  linkSpan(): Uint32Array {
    return this.#links().owner;
  }

  linkTraceIds(): Uint8Array {
    return this.#once('linkTraceIds', () => gatherBytes(this.#table.linkTraceId, this.#links().rows, 16));
  }

  linkSpanIds(): Uint8Array {
    return this.#once('linkSpanIds', () => gatherBytes(this.#table.linkSpanId, this.#links().rows, 8));
  }

  attr(scope: AttrScope, key: string): readonly AttrColumn[] {
    return this.#once(`attr ${scope} ${key}`, () => {
      const id = this.#table.strings.find(key);
      const column = id < 0 ? undefined : this.#attrColumn(scope, id);
      return column ? [column] : [];
    });
  }

  attrKeys(scope: AttrScope): Promise<readonly string[]> {
    const { attrs } = this.#level(scope);
    const seen = new Uint8Array(this.#table.strings.size);
    for (let i = 0; i < attrs.count; i++) seen[attrs.key[i]] = 1;
    const keys: string[] = [];
    for (let id = 0; id < seen.length; id++) if (seen[id] !== 0) keys.push(this.#table.strings.get(id));
    return Promise.resolve(keys);
  }

  #level(scope: AttrScope): Level {
    const t = this.#table;
    switch (scope) {
      case 'resource':
        return { count: t.resourceCount, rows: undefined, ends: t.resourceAttrEnd, attrs: t.resourceAttrs };
      case 'scope':
        return { count: t.scopeCount, rows: undefined, ends: t.scopeAttrEnd, attrs: t.scopeAttrs };
      case 'span':
        return { count: this.spanCount, rows: this.#isWhole ? undefined : this.#order.spans, ends: t.spanAttrEnd, attrs: t.spanAttrs };
      case 'event':
        return { count: this.eventCount(), rows: this.#events().rows, ends: t.eventAttrEnd, attrs: t.eventAttrs };
      case 'link':
        return { count: this.linkCount(), rows: this.#links().rows, ends: t.linkAttrEnd, attrs: t.linkAttrs };
    }
  }

  /** The keys are scanned as they lie, whatever the order: most keys stand on a small part of the rows. */
  #attrColumn(scope: AttrScope, key: number): AttrColumn | undefined {
    const level = this.#level(scope);
    const { attrs } = level;
    const { elements } = this.#table;
    const found = findKey(level, key);
    const inView = level.rows ? intoView(found, this.#viewRows(scope, level.rows), level.count) : found;
    const { places, owners } = inView;
    let n = places.length;
    if (n === 0) return undefined;
    let hasArrays = false;
    for (let i = 0; i < places.length; i++) {
      const a = places[i];
      if (attrs.type[a] !== ATTR_ARRAY) continue;
      hasArrays = true;
      n += Math.max(1, attrs.u32[a * 2 + 1]) - 1;
    }
    const rows = new Uint32Array(n);
    const types = new Uint8Array(n);
    const u32 = new Uint32Array(n * 2);
    const array = hasArrays ? new Uint8Array(n) : undefined;
    for (let i = 0, out = 0; i < places.length; i++) {
      const a = places[i];
      if (array && attrs.type[a] === ATTR_ARRAY) {
        const first = attrs.u32[a * 2];
        const length = attrs.u32[a * 2 + 1];
        for (let e = first; e < first + length; e++, out++) {
          rows[out] = owners[i];
          types[out] = elements.type[e];
          u32[out * 2] = elements.u32[e * 2];
          u32[out * 2 + 1] = elements.u32[e * 2 + 1];
          array[out] = 1;
        }
        if (length === 0) {
          rows[out] = owners[i];
          types[out] = ATTR_JSON;
          array[out++] = 1;
        }
      } else {
        rows[out] = owners[i];
        types[out] = attrs.type[a];
        u32[out * 2] = attrs.u32[a * 2];
        u32[out * 2 + 1] = attrs.u32[a * 2 + 1];
        out++;
      }
    }
    return { count: n, rows, types, u32, f64: new Float64Array(u32.buffer), i64: new BigInt64Array(u32.buffer), dict: this.#table.strings, array };
  }

  /** The view row of each table row, -1 for those not in view. */
  #viewRows(scope: AttrScope, rows: Uint32Array): Int32Array {
    return this.#once(`view ${scope}`, () => {
      let last = -1;
      for (let i = 0; i < rows.length; i++) if (rows[i] > last) last = rows[i];
      const out = new Int32Array(last + 1).fill(-1);
      for (let i = 0; i < rows.length; i++) out[rows[i]] = i;
      return out;
    });
  }

  #summary(): TraceSummary {
    return this.#once('summary', () => summariseTraces(this.#table, this.#order));
  }

  #events(): { rows: Uint32Array; owner: Uint32Array } {
    return this.#once('events', () => children(this.#order.spans, this.#table.spanEventEnd));
  }

  #links(): { rows: Uint32Array; owner: Uint32Array } {
    return this.#once('links', () => children(this.#order.spans, this.#table.spanLinkEnd));
  }

  #gather(name: string, column: Uint32Array): Uint32Array {
    return this.#once(name, () => (this.#isWhole ? column.subarray(0, this.spanCount) : gatherU32(column, this.#order.spans)));
  }

  #bytes(column: Uint8Array, rows: Uint32Array, width: 1 | 8 | 16): Uint8Array {
    return this.#isWhole ? column.subarray(0, rows.length * width) : gatherBytes(column, rows, width);
  }

  #once<T>(name: string, make: () => T): T {
    let value = this.#cache.get(name) as T | undefined;
    if (value === undefined) this.#cache.set(name, (value = make()));
    return value;
  }
}

function isIdentity(rows: Uint32Array): boolean {
  for (let i = 0; i < rows.length; i++) if (rows[i] !== i) return false;
  return true;
}

/** Where a key stands: places in the attribute list, and the row that owns each. */
interface KeyPlaces {
  readonly places: Uint32Array;
  readonly owners: Uint32Array;
}

/** Of a level with `rows` the whole table is looked at, without them the rows of the view. Owners are table rows. */
function findKey({ attrs, ends, rows, count }: Level, key: number): KeyPlaces {
  const keys = attrs.key;
  const end = rows ? attrs.count : count === 0 ? 0 : ends[count - 1];
  let n = 0;
  for (let a = 0; a < end; a++) n += keys[a] === key ? 1 : 0;
  const places = new Uint32Array(n);
  const owners = new Uint32Array(n);
  let row = 0;
  for (let a = 0, out = 0; out < n; a++) {
    if (keys[a] !== key) continue;
    while (ends[row] <= a) row++;
    places[out] = a;
    owners[out++] = row;
  }
  return { places, owners };
}

/** Those in view, in its order; several of one row stay in theirs. */
function intoView({ places, owners }: KeyPlaces, viewRows: Int32Array, count: number): KeyPlaces {
  const first = new Int32Array(count).fill(-1);
  const next = new Int32Array(places.length);
  let n = 0;
  for (let i = places.length - 1; i >= 0; i--) {
    const row = owners[i] < viewRows.length ? viewRows[owners[i]] : -1;
    if (row < 0) continue;
    next[i] = first[row];
    first[row] = i;
    n++;
  }
  const out = { places: new Uint32Array(n), owners: new Uint32Array(n) };
  for (let row = 0, at = 0; at < n; row++) {
    for (let i = first[row]; i >= 0; i = next[i], at++) {
      out.places[at] = places[i];
      out.owners[at] = row;
    }
  }
  return out;
}

/** Child rows (events, links) of `spans` in that order, with the view row of their span. */
function children(spans: Uint32Array, ends: Uint32Array): { rows: Uint32Array; owner: Uint32Array } {
  let n = 0;
  for (let i = 0; i < spans.length; i++) n += ends[spans[i]] - (spans[i] === 0 ? 0 : ends[spans[i] - 1]);
  const rows = new Uint32Array(n);
  const owner = new Uint32Array(n);
  let out = 0;
  for (let i = 0; i < spans.length; i++) {
    const row = spans[i];
    for (let child = row === 0 ? 0 : ends[row - 1]; child < ends[row]; child++, out++) {
      rows[out] = child;
      owner[out] = i;
    }
  }
  return { rows, owner };
}

function gatherU32(column: Uint32Array, rows: Uint32Array): Uint32Array {
  const out = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = column[rows[i]];
  return out;
}

function gatherPairs(column: Uint32Array, rows: Uint32Array): Uint32Array {
  const out = new Uint32Array(rows.length * 2);
  for (let i = 0; i < rows.length; i++) {
    out[i * 2] = column[rows[i] * 2];
    out[i * 2 + 1] = column[rows[i] * 2 + 1];
  }
  return out;
}

function gatherBytes(column: Uint8Array, rows: Uint32Array, width: 1 | 8 | 16): Uint8Array {
  if (width === 1) {
    const out = new Uint8Array(rows.length);
    for (let i = 0; i < rows.length; i++) out[i] = column[rows[i]];
    return out;
  }
  const words = width / 4;
  const from = new Uint32Array(column.buffer, column.byteOffset, column.byteLength >>> 2);
  const out = new Uint32Array(rows.length * words);
  for (let i = 0; i < rows.length; i++) for (let w = 0; w < words; w++) out[i * words + w] = from[rows[i] * words + w];
  return new Uint8Array(out.buffer);
}
