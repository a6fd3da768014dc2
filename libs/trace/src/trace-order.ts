import type { SpanTable } from './span-table.ts';

/** The spans of a table by trace: what sorting yields. All arrays are owned by the order and never change. */
export interface TraceOrder {
  readonly traceCount: number;
  /** Trace rows, ascending by trace id. */
  readonly traces: Uint32Array;
  /**
   * Span rows in storage order: by trace, then resource, then scope (each by first occurrence), then arrival. Batches count from the newest
   * to the oldest, as in Tempo, where a later request's spans of a trace come before the earlier ones. Duplicates are left out.
   */
  readonly spans: Uint32Array;
  /** `traceCount + 1` offsets into `spans`. */
  readonly traceSpans: Uint32Array;
}

/**
 * Groups the spans of `table` by trace. The same span delivered twice (equal id and kind within a trace) is kept once, the one that
 * comes first in storage order. Linear but for the sort of trace ids; no allocation per trace.
 */
export function orderByTrace(table: SpanTable): TraceOrder {
  const { spanCount, spanTrace } = table;
  const traces = sortTraces(table);
  const traceCount = traces.length;
  const rank = new Uint32Array(traceCount);
  for (let i = 0; i < traceCount; i++) rank[traces[i]] = i;

  const starts = new Uint32Array(traceCount + 1);
  for (let row = 0; row < spanCount; row++) starts[rank[spanTrace[row]] + 1]++;
  for (let i = 0; i < traceCount; i++) starts[i + 1] += starts[i];
  const spans = new Uint32Array(spanCount);
  const next = starts.slice(0, traceCount);
  for (let batch = table.batchCount, to = spanCount; batch >= 0; batch--) {
    const from = batch === 0 ? 0 : table.batchStart[batch - 1];
    for (let row = from; row < to; row++) spans[next[rank[spanTrace[row]]]++] = row;
    to = from;
  }

  const grouper = new Grouper(table);
  const traceSpans = new Uint32Array(traceCount + 1);
  let out = 0;
  for (let i = 0; i < traceCount; i++) {
    out = grouper.group(spans, starts[i], starts[i + 1], out);
    traceSpans[i + 1] = out;
  }
  return { traceCount, traces, spans: spans.subarray(0, out), traceSpans };
}

/** The order of a table whose rows already are in storage order (a part, a decoded row group): nothing to sort. */
export function identityOrder(table: SpanTable): TraceOrder {
  const traceSpans = new Uint32Array(table.traceCount + 1);
  for (let row = 0; row < table.spanCount; row++) traceSpans[table.spanTrace[row] + 1]++;
  for (let i = 0; i < table.traceCount; i++) traceSpans[i + 1] += traceSpans[i];
  return { traceCount: table.traceCount, traces: ascending(table.traceCount), spans: ascending(table.spanCount), traceSpans };
}

function ascending(n: number): Uint32Array {
  const out = new Uint32Array(n);
  for (let i = 0; i < n; i++) out[i] = i;
  return out;
}

/** Trace rows by id: a native sort of (32-bit prefix, row) packed in doubles, then equal prefixes settled byte by byte. */
function sortTraces(table: SpanTable): Uint32Array {
  const n = table.traceCount;
  const ids = table.traceId;
  const rowFactor = 2 ** 21;
  const rows = ascending(n);
  if (n > rowFactor) return rows.sort((a, b) => compareIds(ids, a, b));
  const keys = new Float64Array(n);
  for (let row = 0; row < n; row++) {
    const at = row * 16;
    const prefix = ((ids[at] << 24) | (ids[at + 1] << 16) | (ids[at + 2] << 8) | ids[at + 3]) >>> 0;
    keys[row] = prefix * rowFactor + row;
  }
  keys.sort();
  for (let i = 0; i < n; i++) rows[i] = keys[i] % rowFactor;
  for (let i = 0; i < n; ) {
    const prefix = Math.floor(keys[i] / rowFactor);
    let j = i + 1;
    while (j < n && Math.floor(keys[j] / rowFactor) === prefix) j++;
    if (j - i > 1) rows.subarray(i, j).sort((a, b) => compareIds(ids, a, b));
    i = j;
  }
  return rows;
}

function compareIds(ids: Uint8Array, a: number, b: number): number {
  for (let i = 0; i < 16; i++) {
    const d = ids[a * 16 + i] - ids[b * 16 + i];
    if (d !== 0) return d;
  }
  return 0;
}

/** Removes duplicates and groups by resource and scope within one trace, in place, with scratch reused from trace to trace. */
class Grouper {
  readonly #table: SpanTable;
  readonly #ids: Uint32Array;
  /** Rank of a resource (scope) within the current trace, valid where the stamp is current. */
  readonly #resourceStamp: Uint32Array;
  readonly #resourceRank: Uint32Array;
  readonly #scopeStamp: Uint32Array;
  readonly #scopeRank: Uint32Array;
  #stamp = 0;
  #keys = new Float64Array(256);
  /** Open addressing over span ids of the current trace: row + 1, valid where the stamp is current. */
  #slots = new Uint32Array(512);
  #slotStamps = new Uint32Array(512);

  constructor(table: SpanTable) {
    this.#table = table;
    this.#ids = new Uint32Array(table.spanId.buffer, table.spanId.byteOffset, table.spanCount * 2);
    this.#resourceStamp = new Uint32Array(table.resourceCount);
    this.#resourceRank = new Uint32Array(table.resourceCount);
    this.#scopeStamp = new Uint32Array(table.scopeCount);
    this.#scopeRank = new Uint32Array(table.scopeCount);
  }

  /** Takes `spans[from, to)`, writes the kept ones to `spans[out…)` (out ≤ from) in storage order; returns the new end. */
  group(spans: Uint32Array, from: number, to: number, out: number): number {
    const { spanResource, spanScope } = this.#table;
    const stamp = ++this.#stamp;
    this.#reserve(to - from);
    const keys = this.#keys;
    let resources = 0;
    let scopes = 0;
    let n = 0;
    let sorted = true;
    for (let i = from; i < to; i++) {
      const row = spans[i];
      if (this.#seen(row, stamp)) continue;
      const resource = spanResource[row];
      if (this.#resourceStamp[resource] !== stamp) {
        this.#resourceStamp[resource] = stamp;
        this.#resourceRank[resource] = resources++;
      }
      const scope = spanScope[row];
      if (this.#scopeStamp[scope] !== stamp) {
        this.#scopeStamp[scope] = stamp;
        this.#scopeRank[scope] = scopes++;
      }
      // Ranks are at most the spans of one trace (< 2^20 by memory limits); the row keeps the order of arrival and rides along.
      keys[n] = this.#resourceRank[resource] * 2 ** 20 + this.#scopeRank[scope];
      if (n > 0 && keys[n] < keys[n - 1]) sorted = false;
      spans[out + n] = row;
      n++;
    }
    if (!sorted) this.#sort(spans, out, n);
    return out + n;
  }

  #sort(spans: Uint32Array, at: number, n: number): void {
    const keys = this.#keys;
    if (n <= 48) {
      for (let i = 1; i < n; i++) {
        const key = keys[i];
        const row = spans[at + i];
        let j = i - 1;
        while (j >= 0 && keys[j] > key) {
          keys[j + 1] = keys[j];
          spans[at + j + 1] = spans[at + j];
          j--;
        }
        keys[j + 1] = key;
        spans[at + j + 1] = row;
      }
      return;
    }
    const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => keys[a] - keys[b] || a - b);
    const rows = spans.slice(at, at + n);
    for (let i = 0; i < n; i++) spans[at + i] = rows[order[i]];
  }

  #seen(row: number, stamp: number): boolean {
    const ids = this.#ids;
    const kinds = this.#table.spanKind;
    const lo = ids[row * 2];
    const hi = ids[row * 2 + 1];
    const mask = this.#slots.length - 1;
    let slot = (Math.imul(lo ^ Math.imul(hi, 0x85ebca6b), 0x9e3779b1) >>> 7) & mask;
    while (this.#slotStamps[slot] === stamp) {
      const other = this.#slots[slot];
      if (ids[other * 2] === lo && ids[other * 2 + 1] === hi && kinds[other] === kinds[row]) return true;
      slot = (slot + 1) & mask;
    }
    this.#slotStamps[slot] = stamp;
    this.#slots[slot] = row;
    return false;
  }

  #reserve(n: number): void {
    if (n > this.#keys.length) this.#keys = new Float64Array(n * 2);
    if (n * 2 > this.#slots.length) {
      let size = this.#slots.length;
      while (size < n * 2) size *= 2;
      this.#slots = new Uint32Array(size);
      this.#slotStamps = new Uint32Array(size);
    }
  }
}
