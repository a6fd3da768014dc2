import fs from 'node:fs';
import { compareBytes } from '@vivace/bytes';
import { PartColumns, PartReader } from '@vivace/part';
import { identityOrder, orderByTrace, SpanTable, TableColumns, TraceAppender } from '@vivace/trace';
import type { SpanColumns, SpanTableHandle, TraceOrder } from '@vivace/trace';
import { lowerBound, rowsInRange } from './copies/id-range.ts';
import type { IdRange } from './copies/id-range.ts';
import { TraceNumbers } from './copies/trace-numbers.ts';

/** Recent data opened for one job. `close` ends the part files; the batches must not be used after it. */
export interface RecentBatches {
  readonly batches: readonly SpanColumns[];
  /** Appends what there is of one trace to `target`, which may then have a span several times. */
  append(traceId: Uint8Array, target: SpanTable): void;
  has(traceId: Uint8Array): boolean;
  /** The ids in each place, 16 bytes each. */
  ids(): readonly Uint8Array[];
  close(): void;
}

interface KeptPart {
  readonly reader: PartReader;
  /** Of all its traces. */
  readonly columns: PartColumns;
}

/** The rows of a table that there were when some query asked. */
interface KeptTable {
  readonly generation: number;
  readonly spanCount: number;
  readonly table: SpanTable;
  readonly order: TraceOrder;
  readonly columns: TableColumns;
}

/** What the columns that a few questions want take a span, besides the order. */
const BYTES_PER_SPAN = 64;

/** Parts and tables that a thread keeps; bounded by the bytes given to `set`. */
export interface PartCache {
  get(key: string): object | undefined;
  set(key: string, part: object, bytes: number): void;
}

/** Columns made of sections take about as much again. */
const MEMORY_OF_SECTIONS = 2;

interface Source {
  readonly traceCount: number;
  /** 16 bytes a trace, ascending. */
  ids(): Uint8Array;
  /** Columns of the traces with `keep[row] = 1`, or of all. */
  columns(keep: Uint8Array | undefined): SpanColumns;
  /** Appends one trace to `target`. */
  append(row: number, target: SpanTable): void;
}

/**
 * Tables and parts as batches of whole traces. A trace whose spans lie in several of them (it went on while a table was cut) is put
 * together in a batch of its own, so that a query always sees it whole, and no span twice.
 *
 * Only traces in `range` are sure to be so; others may be there or not, whole or in pieces, and must be left out.
 *
 * What was read of a part stays in `kept` for other queries of the thread; its file is open only between this and `close`.
 */
export function openRecent(tables: readonly SpanTableHandle[], parts: readonly string[], kept: PartCache, range: IdRange = {}): RecentBatches {
  const used: { readonly key: string; readonly part: KeptPart }[] = [];
  const close = () => {
    for (const { key, part } of used) {
      part.reader.close();
      kept.set(key, part, part.reader.heldBytes * MEMORY_OF_SECTIONS);
    }
  };
  try {
    // Newest first: a trace put together from several has its latest spans first, as within one table.
    const sources = tables.map((handle) => tableSource(openTable(handle, kept))).reverse();
    for (const path of [...parts].reverse()) {
      const { ino, mtimeMs, size } = fs.statSync(path);
      const key = `${path} ${ino} ${mtimeMs} ${size}`;
      const part = (kept.get(key) as KeptPart | undefined) ?? openPart(path);
      used.push({ key, part });
      sources.push(partSource(part));
    }
    const append = (traceId: Uint8Array, target: SpanTable): void => {
      for (const source of sources) {
        const row = rowOf(source, traceId);
        if (row >= 0) source.append(row, target);
      }
    };
    let batches: SpanColumns[] | undefined;
    return {
      get batches() {
        batches ??= assemble(sources, range);
        return batches;
      },
      append,
      has: (traceId) => sources.some((source) => rowOf(source, traceId) >= 0),
      ids: () => sources.map((source) => source.ids()),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** -1: it has no such trace. */
function rowOf(source: Source, traceId: Uint8Array): number {
  const ids = source.ids();
  const row = lowerBound(ids, traceId);
  return row < source.traceCount && compareBytes(ids, row * 16, traceId, 0, 16) === 0 ? row : -1;
}

function assemble(sources: readonly Source[], range: IdRange): SpanColumns[] {
  if (sources.length < 2) return sources.map((source) => source.columns(undefined));
  const bounds = sources.map((source) => rowsInRange(source.ids(), range));
  const seen = new TraceNumbers(bounds.reduce((n, [from, to]) => n + to - from, 0));
  const numbers = sources.map((source, s) => seen.add(source.ids(), ...bounds[s]));
  /** In how many sources each trace is. */
  const count = new Uint32Array(seen.count);
  for (const traces of numbers) for (let i = 0; i < traces.length; i++) count[traces[i]]++;
  const whole = new SpanTable();
  const batches = sources.map((source, s) => {
    const [from, to] = bounds[s];
    const keep = new Uint8Array(source.traceCount);
    let kept = 0;
    for (let row = from; row < to; row++) {
      if (count[numbers[s][row - from]] === 1) {
        keep[row] = 1;
        kept++;
      } else source.append(row, whole);
    }
    // Columns of all traces are at hand, those of some are not.
    return source.columns(kept === to - from ? undefined : keep);
  });
  if (whole.spanCount > 0) batches.push(new TableColumns(whole));
  return batches;
}

/** Sorted and gathered columns serve as long as the table neither grows nor is used again: a sealed one until its part is written. */
function openTable(handle: SpanTableHandle, kept: PartCache): KeptTable {
  const key = `table ${handle.id}`;
  const { generation } = handle;
  const { spanCount } = handle.counts;
  const known = kept.get(key) as KeptTable | undefined;
  if (known?.generation === generation && known.spanCount === spanCount) return known;
  const table = new SpanTable({}, handle);
  const order = orderByTrace(table);
  const opened = { generation, spanCount, table, order, columns: new TableColumns(table, order) };
  kept.set(key, opened, spanCount * BYTES_PER_SPAN);
  return opened;
}

function tableSource({ table, order, columns }: KeptTable): Source {
  return {
    traceCount: order.traceCount,
    ids: () => columns.traceIds(),
    columns: (keep) => (keep ? new TableColumns(table, keepTraces(order, keep)) : columns),
    append: appending(() => ({ table, order })),
  };
}

/** An appender remembers what it has seen of both tables, so that there is one for many traces. */
function appending(open: () => { readonly table: SpanTable; readonly order: TraceOrder }): Source['append'] {
  let source: ReturnType<typeof open> | undefined;
  let last: { readonly target: SpanTable; readonly appender: TraceAppender } | undefined;
  return (row, target) => {
    source ??= open();
    if (last?.target !== target) last = { target, appender: new TraceAppender(source.table, target) };
    last.appender.append(source.order, row, row + 1);
  };
}

function openPart(path: string): KeptPart {
  const reader = new PartReader(path, { keep: true });
  try {
    return { reader, columns: new PartColumns(reader) };
  } catch (error) {
    reader.close();
    throw error;
  }
}

function partSource({ reader, columns }: KeptPart): Source {
  return {
    traceCount: reader.header.counts.trace,
    ids: () => reader.traceIds(),
    columns: (keep) => (keep ? new PartColumns(reader, (table) => keepTraces(identityOrder(table), keep)) : columns),
    // Of a part that is kept the whole is read anyway.
    append: appending(() => {
      const table = reader.readTraces();
      return { table, order: identityOrder(table) };
    }),
  };
}

/** The order without the traces whose `keep` is 0. */
function keepTraces(order: TraceOrder, keep: Uint8Array): TraceOrder {
  const traces = new Uint32Array(order.traceCount);
  const spans = new Uint32Array(order.spans.length);
  const traceSpans = new Uint32Array(order.traceCount + 1);
  let n = 0;
  let end = 0;
  for (let t = 0; t < order.traceCount; t++) {
    if (keep[t] === 0) continue;
    traces[n] = order.traces[t];
    for (let i = order.traceSpans[t]; i < order.traceSpans[t + 1]; i++) spans[end++] = order.spans[i];
    traceSpans[++n] = end;
  }
  return { traceCount: n, traces: traces.subarray(0, n), spans: spans.subarray(0, end), traceSpans: traceSpans.subarray(0, n + 1) };
}
