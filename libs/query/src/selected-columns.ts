import type { AttrColumn, AttrScope, ColumnNeeds, NestedSets, ServiceStat, SpanColumns, StringColumn } from '@vivace/trace';

/** Rows of one level that are kept: the ranges `[from[i], to[i])`, ascending and apart, and how many rows they are together. */
interface Ranges {
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly count: number;
}

/**
 * Some traces of a batch as a batch of its own: what is asked of it costs as much as these traces have, not as much as the batch.
 * Resources and scopes are those of the batch. `load` loads of the whole batch.
 */
export class SelectedColumns implements SpanColumns {
  readonly traceCount: number;
  readonly loadTraces?: NonNullable<SpanColumns['loadTraces']>;
  readonly summarise?: NonNullable<SpanColumns['summarise']>;
  readonly reopen?: () => SpanColumns;
  readonly #base: SpanColumns;
  readonly #traces: Uint32Array;
  readonly #memo = new Map<string, unknown>();
  #ranges: Ranges | undefined;

  /** `traces` are rows of `base`, ascending. Borrows both. */
  constructor(base: SpanColumns, traces: Uint32Array) {
    this.#base = base;
    this.#traces = traces;
    this.traceCount = traces.length;
    const { loadTraces, summarise, reopen } = base;
    if (loadTraces) {
      this.loadTraces = (needs, rows, signal) =>
        loadTraces.call(
          base,
          needs,
          rows.map((row) => traces[row]),
          signal,
        );
    }
    // Values of traces left out may be among them.
    if (summarise) this.summarise = async (attr, signal) => ({ ...(await summarise.call(base, attr, signal)), isExact: false });
    if (reopen) this.reopen = () => new SelectedColumns(reopen.call(base), traces);
  }

  /** With boundaries of traces: once they are loaded. */
  get #spans(): Ranges {
    if (!this.#ranges) {
      const bounds = this.#base.traceSpans();
      this.#ranges = rangesOf(
        this.#traces,
        (trace) => bounds[trace],
        (trace) => bounds[trace + 1],
      );
    }
    return this.#ranges;
  }

  get spanCount(): number {
    return this.#spans.count;
  }

  get inspectedBytes(): number {
    return this.#base.inspectedBytes;
  }

  load(needs: ColumnNeeds, signal?: AbortSignal): Promise<void> {
    return this.#base.load(needs, signal);
  }

  traceSpans(): Uint32Array {
    return this.#once('traceSpans', () => {
      const { from, to } = this.#spans;
      const offsets = new Uint32Array(from.length + 1);
      for (let i = 0; i < from.length; i++) offsets[i + 1] = offsets[i] + to[i] - from[i];
      return offsets;
    });
  }

  traceIds(): Uint8Array {
    return this.#once('traceIds', () => {
      const out = new Uint8Array(this.traceCount * 16);
      const ids = this.#base.traceIds();
      this.#traces.forEach((trace, i) => out.set(ids.subarray(trace * 16, trace * 16 + 16), i * 16));
      return out;
    });
  }

  traceStart(): Uint32Array {
    return this.#once('traceStart', () => {
      const start = this.#base.traceStart();
      return Uint32Array.from({ length: this.traceCount * 2 }, (_, i) => start[2 * this.#traces[i >> 1] + (i & 1)]);
    });
  }

  traceDuration(): Float64Array {
    return this.#once('traceDuration', () => {
      const duration = this.#base.traceDuration();
      return Float64Array.from(this.#traces, (trace) => duration[trace]);
    });
  }

  rootService(): StringColumn {
    return this.#ofTraces('rootService', this.#base.rootService());
  }

  rootName(): StringColumn {
    return this.#ofTraces('rootName', this.#base.rootName());
  }

  serviceStats(trace: number): readonly ServiceStat[] {
    return this.#base.serviceStats(this.#traces[trace]);
  }

  resourceCount(): number {
    return this.#base.resourceCount();
  }

  spanResource(): Uint32Array {
    return this.#once('spanResource', () => cut(this.#base.spanResource(), this.#spans, 1));
  }

  scopeCount(): number {
    return this.#base.scopeCount();
  }

  spanScope(): Uint32Array {
    return this.#once('spanScope', () => cut(this.#base.spanScope(), this.#spans, 1));
  }

  scopeName(): StringColumn {
    return this.#base.scopeName();
  }

  scopeVersion(): StringColumn {
    return this.#base.scopeVersion();
  }

  spanIds(): Uint8Array {
    return this.#once('spanIds', () => cut(this.#base.spanIds(), this.#spans, 8));
  }

  parentIds(): Uint8Array {
    return this.#once('parentIds', () => cut(this.#base.parentIds(), this.#spans, 8));
  }

  spanStart(): Uint32Array {
    return this.#once('spanStart', () => cut(this.#base.spanStart(), this.#spans, 2));
  }

  spanDuration(): Float64Array {
    return this.#once('spanDuration', () => cut(this.#base.spanDuration(), this.#spans, 1));
  }

  kind(): Uint8Array {
    return this.#once('kind', () => cut(this.#base.kind(), this.#spans, 1));
  }

  status(): Uint8Array {
    return this.#once('status', () => cut(this.#base.status(), this.#spans, 1));
  }

  name(): StringColumn {
    return this.#once('name', () => cutStrings(this.#base.name(), this.#spans));
  }

  statusMessage(): StringColumn {
    return this.#once('statusMessage', () => cutStrings(this.#base.statusMessage(), this.#spans));
  }

  nestedSets(): NestedSets {
    return this.#once('nestedSets', () => {
      const { left, right, parent } = this.#base.nestedSets();
      return { left: cut(left, this.#spans, 1), right: cut(right, this.#spans, 1), parent: cut(parent, this.#spans, 1) };
    });
  }

  eventCount(): number {
    return this.#events().count;
  }

  eventSpan(): Uint32Array {
    return this.#once('eventSpan', () => this.#owners(this.#base.eventSpan(), this.#events()));
  }

  eventName(): StringColumn {
    return this.#once('eventName', () => cutStrings(this.#base.eventName(), this.#events()));
  }

  eventOffset(): Uint32Array {
    return this.#once('eventOffset', () => cut(this.#base.eventOffset(), this.#events(), 2));
  }

  linkCount(): number {
    return this.#links().count;
  }

  linkSpan(): Uint32Array {
    return this.#once('linkSpan', () => this.#owners(this.#base.linkSpan(), this.#links()));
  }

  linkTraceIds(): Uint8Array {
    return this.#once('linkTraceIds', () => cut(this.#base.linkTraceIds(), this.#links(), 16));
  }

  linkSpanIds(): Uint8Array {
    return this.#once('linkSpanIds', () => cut(this.#base.linkSpanIds(), this.#links(), 8));
  }

  attr(scope: AttrScope, key: string): readonly AttrColumn[] {
    const columns = this.#base.attr(scope, key);
    if (scope === 'resource' || scope === 'scope') return columns;
    const rows = scope === 'span' ? this.#spans : scope === 'event' ? this.#events() : this.#links();
    return this.#once(`attr ${scope} ${key}`, () => columns.map((column) => cutAttrs(column, rows)));
  }

  attrKeys(scope: AttrScope, signal?: AbortSignal): Promise<readonly string[]> {
    return this.#base.attrKeys(scope, signal);
  }

  #events(): Ranges {
    return this.#once('events', () => this.#children(this.#base.eventSpan()));
  }

  #links(): Ranges {
    return this.#once('links', () => this.#children(this.#base.linkSpan()));
  }

  /** Children (events, links) of the spans kept; `owner` ascends. */
  #children(owner: Uint32Array): Ranges {
    const { from, to } = this.#spans;
    return rangesOf(
      from,
      (_, i) => lowerBound(owner, from[i], owner.length),
      (_, i) => lowerBound(owner, to[i], owner.length),
    );
  }

  /** The span of each child kept. Ranges of children and of spans belong together, trace by trace. */
  #owners(owner: Uint32Array, { from, to, count }: Ranges): Uint32Array {
    const out = new Uint32Array(count);
    const spans = this.traceSpans();
    for (let i = 0, at = 0; i < from.length; i++) for (let row = from[i]; row < to[i]; row++) out[at++] = owner[row] - this.#spans.from[i] + spans[i];
    return out;
  }

  #ofTraces(name: string, { ids, dict }: StringColumn): StringColumn {
    return this.#once(name, () => ({ ids: Uint32Array.from(this.#traces, (trace) => ids[trace]), dict }));
  }

  #once<T>(name: string, make: () => T): T {
    // Every name is used with one type.
    let value = this.#memo.get(name) as T | undefined;
    if (value === undefined) this.#memo.set(name, (value = make()));
    return value;
  }
}

function rangesOf(rows: Uint32Array, fromOf: (row: number, i: number) => number, toOf: (row: number, i: number) => number): Ranges {
  const from = rows.map(fromOf);
  const to = rows.map(toOf);
  let count = 0;
  for (let i = 0; i < from.length; i++) count += to[i] - from[i];
  return { from, to, count };
}

/** First index below `end` whose value is not below `value`. */
function lowerBound(values: Uint32Array, value: number, end: number): number {
  let low = 0;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The rows kept of a column with `width` elements a row. */
function cut<T extends Uint8Array | Uint32Array | Int32Array | Float64Array>(column: T, { from, to, count }: Ranges, width: number): T {
  const out = new (column.constructor as new (length: number) => T)(count * width);
  for (let i = 0, at = 0; i < from.length; i++) {
    for (let j = from[i] * width; j < to[i] * width; j++) out[at++] = column[j];
  }
  return out;
}

function cutStrings({ ids, dict }: StringColumn, ranges: Ranges): StringColumn {
  return { ids: cut(ids, ranges, 1), dict };
}

function cutAttrs(column: AttrColumn, { from, to }: Ranges): AttrColumn {
  const { rows, types, u32, dict, array } = column;
  const first = from.map((row) => lowerBound(rows, row, column.count));
  const end = to.map((row) => lowerBound(rows, row, column.count));
  let count = 0;
  for (let i = 0; i < from.length; i++) count += end[i] - first[i];
  const f64 = new Float64Array(count);
  const out = {
    count,
    rows: new Uint32Array(count),
    types: new Uint8Array(count),
    f64,
    i64: new BigInt64Array(f64.buffer),
    u32: new Uint32Array(f64.buffer),
    dict,
    array: array && new Uint8Array(count),
  };
  for (let i = 0, at = 0, shift = 0; i < from.length; i++) {
    for (let entry = first[i]; entry < end[i]; entry++, at++) {
      out.rows[at] = rows[entry] - from[i] + shift;
      out.types[at] = types[entry];
      out.u32[2 * at] = u32[2 * entry];
      out.u32[2 * at + 1] = u32[2 * entry + 1];
      if (array && out.array) out.array[at] = array[entry];
    }
    shift += to[i] - from[i];
  }
  return out;
}
