import { hex } from '@vivace/base';
import type { ColumnNeeds, SpanColumns } from '@vivace/trace';
import { Batch } from './batch.ts';
import { loadAhead, MANY_AHEAD } from './load-ahead.ts';
import type { Batches, LoadedBatch } from './load-ahead.ts';
import { isSet, MaskPool } from './mask.ts';
import { compilePipeline } from './pipeline.ts';
import type { Pipeline } from './pipeline.ts';
import type { SearchPlan } from './plan-search.ts';
import { mayMatch, requirementOf } from './requirement.ts';
import type { Requirement } from './requirement.ts';
import { NewestRows } from './newest-rows.ts';
import { notAmong } from './rows-of-traces.ts';
import { SelectedColumns } from './selected-columns.ts';
import type { SearchPartial, TracePiece } from './search-partial.ts';
import { traceShower } from './show-trace.ts';
import type { Spanset } from './spanset.ts';
import { timeFilter } from './time-filter.ts';
import type { TimeFilter } from './time-filter.ts';

export interface SearchOptions {
  /** Most traces to return; at least 1. */
  readonly limit: number;
  /** Most spans shown per span set; 0 means the default. */
  readonly spansPerSpanSet: number;
  /** Unix nanoseconds, inclusive, both or neither: traces that overlap the range. */
  readonly startNs?: bigint;
  readonly endNs?: bigint;
  /**
   * One cell on shared memory, at first 0, that the searches of one query raise: unix nanoseconds before which no trace is among the newest
   * any more. What is older may then be missing in the partial answer; the merged one is the same.
   */
  readonly floor?: BigUint64Array;
  /** Traces that are not asked for: 16 bytes each, ascending. */
  readonly without?: Uint8Array;
  readonly signal?: AbortSignal;
}

export const DEFAULT_SPANS_PER_SPAN_SET = 3;

/** Batches in memory whose found traces wait to be shown; beyond this many the oldest is shown and let go. */
const MAX_OPEN_BATCHES = 8;

/** Of a batch so many times `limit` traces are judged first, the newest: most searches end there. */
const SAMPLE = 16;
/** A part of a batch is copied out when it is less than one of so many traces. */
const PART = 4;

const TIMES: ColumnNeeds = { columns: new Set(['traceTimes']), attrs: [], tracesOnly: true };

/** Unix nanoseconds. */
interface Halves {
  readonly high: number;
  readonly low: number;
}

/** A trace found in a batch, not shown yet. */
interface Found extends Halves {
  readonly traceId: string;
  readonly trace: number;
  /** Where its spans begin in the batch. */
  readonly firstSpan: number;
  readonly spansets: readonly Spanset[];
  readonly source: OpenBatch;
  piece: TracePiece | undefined;
}

interface OpenBatch {
  columns: SpanColumns | undefined;
  readonly found: Found[];
}

/**
 * The newest traces with a result, over batches in any order: the answer does not depend on the order. The times of all traces are loaded
 * first, and batches are judged from the newest trace on, as far as they have traces newer than those found. Deciding loads
 * `plan.needs`; only batches with survivors load `plan.resultNeeds`.
 *
 * A trace with pieces in several batches is judged piece by piece. Once more than `limit` traces are found, pieces older than the
 * oldest trace kept are left out.
 */
export async function searchBatches(plan: SearchPlan, batches: Batches, options: SearchOptions): Promise<SearchPartial> {
  const search = new Search(plan, options);
  if (!plan.isEmpty) await search.run(batches);
  return search.finish();
}

class Search {
  readonly #plan: SearchPlan;
  readonly #options: SearchOptions;
  readonly #time: TimeFilter | undefined;
  readonly #requirement: Requirement;
  readonly #masks = new MaskPool();
  /** The newest traces by id, each with the pieces found. */
  #traces = new Map<string, Found[]>();
  /** The oldest trace kept, once `limit` are. */
  #threshold: Found | undefined;
  readonly #open: OpenBatch[] = [];
  readonly #showNeeds: ColumnNeeds;
  /** Whether the newest traces of a batch are judged apart. */
  #samples = true;
  #inspectedTraces = 0;
  #inspectedSpans = 0;
  #inspectedBytes = 0;

  constructor(plan: SearchPlan, options: SearchOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#requirement = requirementOf(plan);
    this.#showNeeds = { columns: new Set([...plan.resultNeeds.columns, 'traceId', 'traceTimes']), attrs: plan.resultNeeds.attrs };
    const { startNs, endNs } = options;
    this.#time = startNs === undefined || endNs === undefined ? undefined : timeFilter(startNs, endNs);
  }

  async run(batches: Batches): Promise<void> {
    const { signal } = this.#options;
    const waiting: { readonly columns: SpanColumns; readonly newest: number }[] = [];
    for await (const { columns, bytesBefore } of loadAhead(batches, TIMES, signal, MANY_AHEAD)) {
      this.#inspectedTraces += columns.traceCount;
      this.#inspectedBytes += columns.inspectedBytes - bytesBefore;
      waiting.push({ columns, newest: latestStart(columns.traceStart()) });
    }
    waiting.sort((a, b) => b.newest - a.newest);
    for await (const batch of loadAhead(this.#promising(waiting), this.#plan.needs, signal)) await this.#add(batch);
  }

  /** Batches with traces that may be in the answer, as far as it is known when each one's turn comes. Empties `waiting`: what is judged is let go. */
  async *#promising(waiting: { readonly columns: SpanColumns }[]): AsyncGenerator<SpanColumns> {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { columns } = next;
      if (this.#eligibleTraces(columns, 1).length === 0) continue;
      const bytesBefore = columns.inspectedBytes;
      const isPromising = await mayMatch(this.#requirement, columns, this.#options.signal);
      this.#inspectedBytes += columns.inspectedBytes - bytesBefore;
      if (isPromising) yield columns;
    }
  }

  async #add({ columns, bytesBefore }: LoadedBatch): Promise<void> {
    this.#inspectedSpans += columns.spanCount;
    const source: OpenBatch = { columns: undefined, found: [] };
    this.#evaluate(columns, source);
    this.#inspectedBytes += columns.inspectedBytes - bytesBefore;
    if (source.found.length === 0) return;
    source.columns = columns.reopen?.() ?? columns;
    this.#open.push(source);
    this.#prune();
    const held = this.#open.filter((open) => open.columns && !open.columns.reopen);
    if (held.length > MAX_OPEN_BATCHES) await this.#show(held[0]);
  }

  async finish(): Promise<SearchPartial> {
    while (this.#open.length > 0) await this.#show(this.#open[0]);
    const pieces = [...this.#traces.values()].flatMap((found) => found.flatMap((f) => f.piece ?? []));
    return { pieces, inspectedTraces: this.#inspectedTraces, inspectedSpans: this.#inspectedSpans, inspectedBytes: this.#inspectedBytes };
  }

  #evaluate(columns: SpanColumns, source: OpenBatch): void {
    const { limit } = this.#options;
    let eligible = notAmong(this.#eligibleTraces(columns), columns, this.#options.without);
    const start = columns.traceStart();
    const ids = columns.traceIds();
    const bounds = columns.traceSpans();
    const newest = new NewestRows(limit, start, ids);
    const results = new Map<number, readonly Spanset[]>();
    if (this.#samples && eligible.length > limit * SAMPLE * 2) {
      const sample = new NewestRows(limit * SAMPLE, start, ids);
      for (const trace of eligible) sample.offer(trace);
      const rows = sample.rows();
      this.#judge(columns, rows, newest, results);
      // Few traces have a result: then all have to be looked at, in other batches too.
      this.#samples = newest.isFull;
      const isJudged = new Set(rows);
      // All others are older than any of these.
      eligible = newest.isFull ? [] : eligible.filter((trace) => !isJudged.has(trace));
    }
    if (eligible.length > 0) this.#judge(columns, eligible, newest, results);
    for (const trace of newest.rows()) {
      const found: Found = {
        traceId: hex(ids, trace * 16, trace * 16 + 16),
        high: start[2 * trace + 1],
        low: start[2 * trace],
        trace,
        firstSpan: bounds[trace],
        spansets: results.get(trace) ?? [],
        source,
        piece: undefined,
      };
      source.found.push(found);
      const known = this.#traces.get(found.traceId);
      if (known) known.push(found);
      else this.#traces.set(found.traceId, [found]);
    }
  }

  /** Offers those of `traces` (ascending rows) that have a result to `newest`, and keeps the results of those it wants. */
  #judge(columns: SpanColumns, traces: readonly number[], newest: NewestRows, results: Map<number, readonly Spanset[]>): void {
    const isPart = traces.length * PART < columns.traceCount;
    const part = isPart ? new SelectedColumns(columns, Uint32Array.from(traces)) : columns;
    const pipeline = compilePipeline(this.#plan.stages, this.#plan.filters, new Batch(part, this.#masks, this.#options.signal));
    const bounds = columns.traceSpans();
    const partBounds = part.traceSpans();
    const run = (trace: number): readonly Spanset[] => {
      const at = isPart ? indexOf(traces, trace) : trace;
      return shifted(pipeline.run(partBounds[at], partBounds[at + 1]), bounds[trace] - partBounds[at]);
    };
    if (isSet(pipeline.candidates, part.spanCount)) {
      const candidates = traces.filter((trace, i) => {
        const at = isPart ? i : trace;
        return hasCandidate(pipeline, partBounds[at], partBounds[at + 1]);
      });
      if (pipeline.isExact) {
        for (const trace of candidates) newest.offer(trace);
        for (const trace of newest.rows()) if (!results.has(trace)) results.set(trace, run(trace));
      } else {
        for (const trace of [...candidates].sort(newest.compare)) {
          if (!newest.wants(trace)) break;
          const spansets = run(trace);
          if (spansets.length === 0) continue;
          results.set(trace, spansets);
          newest.offer(trace);
        }
      }
    }
    pipeline.release();
  }

  /** Trace rows in the time range that are not older than what is kept already, the first `most` of them. */
  #eligibleTraces(columns: SpanColumns, most = Number.POSITIVE_INFINITY): readonly number[] {
    const start = columns.traceStart();
    const duration = columns.traceDuration();
    const floor = this.#floor();
    const rows: number[] = [];
    for (let trace = 0; trace < columns.traceCount && rows.length < most; trace++) {
      const high = start[2 * trace + 1];
      const low = start[2 * trace];
      if (isBefore(high, low, floor)) continue;
      if (this.#time && !this.#time(high, low, duration[trace])) continue;
      rows.push(trace);
    }
    return rows;
  }

  /** Start of the oldest trace that can be in the answer. */
  #floor(): Halves {
    const shared = this.#options.floor ? Atomics.load(this.#options.floor, 0) : 0n;
    const floor = { high: Number(shared >> 32n), low: Number(shared & 0xffff_ffffn) };
    return this.#threshold && isBefore(floor.high, floor.low, this.#threshold) ? this.#threshold : floor;
  }

  /** Cuts the traces kept to `limit` and drops pieces older than the oldest of them. */
  #prune(): void {
    if (this.#traces.size < this.#options.limit) return;
    const ranked = [...this.#traces.values()].map((found) => ({ found, newest: found.reduce((a, b) => (isNewer(b, a) ? b : a)) }));
    ranked.sort((a, b) => (isNewer(a.newest, b.newest) ? -1 : 1));
    ranked.length = this.#options.limit;
    const threshold = ranked[ranked.length - 1].newest;
    this.#threshold = threshold;
    if (this.#options.floor) raise(this.#options.floor, (BigInt(threshold.high) << 32n) | BigInt(threshold.low));
    this.#traces = new Map();
    for (const { found, newest } of ranked) {
      const kept = found.filter((piece) => !isNewer(threshold, piece));
      this.#traces.set(newest.traceId, kept);
    }
  }

  /** Shows the survivors of one batch and lets go of it. */
  async #show(source: OpenBatch): Promise<void> {
    this.#open.splice(this.#open.indexOf(source), 1);
    const { columns } = source;
    const floor = this.#floor();
    const survivors = source.found.filter((found) => !isBefore(found.high, found.low, floor) && this.#traces.get(found.traceId)?.includes(found));
    source.columns = undefined;
    if (!columns || survivors.length === 0) return;
    survivors.sort((a, b) => a.trace - b.trace);
    const bytesBefore = columns.inspectedBytes;
    const parts = await this.#load(columns, survivors);
    this.#inspectedBytes += columns.inspectedBytes - bytesBefore;
    const spans = this.#options.spansPerSpanSet || DEFAULT_SPANS_PER_SPAN_SET;
    const show = parts ? undefined : traceShower(this.#plan, new Batch(columns, this.#masks), spans);
    survivors.forEach((found, i) => {
      if (parts) found.piece = traceShower(this.#plan, new Batch(parts[i], this.#masks), spans)(0, shifted(found.spansets, -found.firstSpan));
      else found.piece = show?.(found.trace, found.spansets);
    });
  }

  /** What showing `traces` needs: a batch for each of them, or undefined when all of the batch got it. */
  async #load(columns: SpanColumns, traces: readonly Found[]): Promise<readonly SpanColumns[] | undefined> {
    const { signal } = this.#options;
    const rows = Uint32Array.from(traces, ({ trace }) => trace);
    if (columns.loadTraces) return columns.loadTraces(this.#showNeeds, rows, signal);
    await columns.load(this.#showNeeds, signal);
    return undefined;
  }
}

/** The span rows as counted in a batch in which they lie `by` rows further on. */
function shifted(spansets: readonly Spanset[], by: number): readonly Spanset[] {
  return by === 0 ? spansets : spansets.map(({ rows, group, attributes }) => ({ rows: rows.map((row) => row + by), group, attributes }));
}

function isBefore(high: number, low: number, other: Halves): boolean {
  return high < other.high || (high === other.high && low < other.low);
}

function raise(cell: BigUint64Array, value: bigint): void {
  for (let seen = Atomics.load(cell, 0); seen < value; seen = Atomics.load(cell, 0)) if (Atomics.compareExchange(cell, 0, seen, value) === seen) return;
}

function latestStart(start: Uint32Array): number {
  let latest = 0;
  for (let i = 0; i < start.length; i += 2) latest = Math.max(latest, start[i + 1] * 4_294_967_296 + start[i]);
  return latest;
}

/** Where `trace` stands in ascending `traces`. */
function indexOf(traces: readonly number[], trace: number): number {
  let low = 0;
  let high = traces.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (traces[middle] < trace) low = middle + 1;
    else high = middle;
  }
  return low;
}

function hasCandidate(pipeline: Pipeline, from: number, to: number): boolean {
  const { bytes } = pipeline.candidates;
  for (let row = from; row < to; row++) if (bytes[row] !== 0) return true;
  return false;
}

/** Later start first, then smaller trace id. */
function isNewer(a: Found, b: Found): boolean {
  if (a.high !== b.high) return a.high > b.high;
  if (a.low !== b.low) return a.low > b.low;
  return a.traceId < b.traceId;
}
