import { hex } from '@vivace/base';
import type { SpanColumns } from '@vivace/trace';
import { Batch } from './batch.ts';
import { loadAhead } from './load-ahead.ts';
import type { Batches, LoadedBatch } from './load-ahead.ts';
import { isSet, MaskPool } from './mask.ts';
import { compilePipeline } from './pipeline.ts';
import type { Pipeline } from './pipeline.ts';
import type { SearchPlan } from './plan-search.ts';
import { NewestRows } from './newest-rows.ts';
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
  readonly signal?: AbortSignal;
}

export const DEFAULT_SPANS_PER_SPAN_SET = 3;

/** Batches whose found traces wait to be shown are kept in memory; beyond this many the oldest is shown and let go. */
const MAX_OPEN_BATCHES = 8;

/** A trace found in a batch, not shown yet. */
interface Found {
  readonly traceId: string;
  readonly high: number;
  readonly low: number;
  readonly trace: number;
  readonly spansets: readonly Spanset[];
  readonly source: OpenBatch;
  piece: TracePiece | undefined;
}

interface OpenBatch {
  batch: Batch | undefined;
  readonly found: Found[];
}

/**
 * The newest traces with a result, over batches in any order: the answer does not depend on the order. Deciding loads `plan.needs`;
 * only batches with survivors load `plan.resultNeeds`.
 *
 * A trace with pieces in several batches is judged piece by piece. Once more than `limit` traces are found, pieces older than the
 * oldest trace kept are left out.
 */
export async function searchBatches(plan: SearchPlan, batches: Batches, options: SearchOptions): Promise<SearchPartial> {
  const search = new Search(plan, options);
  if (!plan.isEmpty) for await (const batch of loadAhead(batches, plan.needs, options.signal)) await search.add(batch);
  return search.finish();
}

class Search {
  readonly #plan: SearchPlan;
  readonly #options: SearchOptions;
  readonly #time: TimeFilter | undefined;
  readonly #masks = new MaskPool();
  /** The newest traces by id, each with the pieces found. */
  #traces = new Map<string, Found[]>();
  /** The oldest trace kept, once `limit` are. */
  #threshold: Found | undefined;
  readonly #open: OpenBatch[] = [];
  #inspectedTraces = 0;
  #inspectedSpans = 0;
  #inspectedBytes = 0;

  constructor(plan: SearchPlan, options: SearchOptions) {
    this.#plan = plan;
    this.#options = options;
    const { startNs, endNs } = options;
    this.#time = startNs === undefined || endNs === undefined ? undefined : timeFilter(startNs, endNs);
  }

  async add({ columns, bytesBefore }: LoadedBatch): Promise<void> {
    const batch = new Batch(columns, this.#masks);
    this.#inspectedTraces += columns.traceCount;
    this.#inspectedSpans += columns.spanCount;
    const source: OpenBatch = { batch, found: [] };
    this.#evaluate(batch, source);
    if (source.found.length > 0) {
      this.#open.push(source);
      this.#prune();
      if (this.#open.length > MAX_OPEN_BATCHES) await this.#show(this.#open[0]);
    }
    this.#inspectedBytes += columns.inspectedBytes - bytesBefore;
  }

  async finish(): Promise<SearchPartial> {
    while (this.#open.length > 0) {
      const { batch } = this.#open[0];
      const bytesBefore = batch?.columns.inspectedBytes ?? 0;
      await this.#show(this.#open[0]);
      this.#inspectedBytes += (batch?.columns.inspectedBytes ?? 0) - bytesBefore;
    }
    const pieces = [...this.#traces.values()].flatMap((found) => found.flatMap((f) => f.piece ?? []));
    return { pieces, inspectedTraces: this.#inspectedTraces, inspectedSpans: this.#inspectedSpans, inspectedBytes: this.#inspectedBytes };
  }

  #evaluate(batch: Batch, source: OpenBatch): void {
    const { columns } = batch;
    const eligible = this.#eligibleTraces(columns);
    if (eligible.length === 0) return;
    const pipeline = compilePipeline(this.#plan.stages, this.#plan.filters, batch);
    const bounds = columns.traceSpans();
    const start = columns.traceStart();
    const ids = columns.traceIds();
    const newest = new NewestRows(this.#options.limit, start, ids);
    const results = new Map<number, readonly Spanset[]>();
    for (const trace of isSet(pipeline.candidates, columns.spanCount) ? eligible : []) {
      if (!newest.wants(trace) || !hasCandidate(pipeline, bounds[trace], bounds[trace + 1])) continue;
      if (!pipeline.isExact) {
        const spansets = pipeline.run(bounds[trace], bounds[trace + 1]);
        if (spansets.length === 0) continue;
        results.set(trace, spansets);
      }
      newest.offer(trace);
    }
    for (const trace of newest.rows()) {
      const spansets = results.get(trace) ?? pipeline.run(bounds[trace], bounds[trace + 1]);
      const found: Found = {
        traceId: hex(ids, trace * 16, trace * 16 + 16),
        high: start[2 * trace + 1],
        low: start[2 * trace],
        trace,
        spansets,
        source,
        piece: undefined,
      };
      source.found.push(found);
      const known = this.#traces.get(found.traceId);
      if (known) known.push(found);
      else this.#traces.set(found.traceId, [found]);
    }
    pipeline.release();
  }

  /** Trace rows in the time range that are not older than what is kept already. */
  #eligibleTraces(columns: SpanColumns): readonly number[] {
    const start = columns.traceStart();
    const duration = columns.traceDuration();
    const threshold = this.#threshold;
    const rows: number[] = [];
    for (let trace = 0; trace < columns.traceCount; trace++) {
      const high = start[2 * trace + 1];
      const low = start[2 * trace];
      if (threshold && (high < threshold.high || (high === threshold.high && low < threshold.low))) continue;
      if (this.#time && !this.#time(high, low, duration[trace])) continue;
      rows.push(trace);
    }
    return rows;
  }

  /** Cuts the traces kept to `limit` and drops pieces older than the oldest of them. */
  #prune(): void {
    if (this.#traces.size < this.#options.limit) return;
    const ranked = [...this.#traces.values()].map((found) => ({ found, newest: found.reduce((a, b) => (isNewer(b, a) ? b : a)) }));
    ranked.sort((a, b) => (isNewer(a.newest, b.newest) ? -1 : 1));
    ranked.length = this.#options.limit;
    const threshold = ranked[ranked.length - 1].newest;
    this.#threshold = threshold;
    this.#traces = new Map();
    for (const { found, newest } of ranked) {
      const kept = found.filter((piece) => !isNewer(threshold, piece));
      this.#traces.set(newest.traceId, kept);
    }
  }

  /** Shows the survivors of one batch and lets go of it. */
  async #show(source: OpenBatch): Promise<void> {
    this.#open.splice(this.#open.indexOf(source), 1);
    const { batch } = source;
    const survivors = source.found.filter((found) => this.#traces.get(found.traceId)?.includes(found));
    source.batch = undefined;
    if (!batch || survivors.length === 0) return;
    await batch.columns.load(this.#plan.resultNeeds, this.#options.signal);
    const show = traceShower(this.#plan, batch, this.#options.spansPerSpanSet || DEFAULT_SPANS_PER_SPAN_SET);
    for (const found of survivors) found.piece = show(found.trace, found.spansets);
  }
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
