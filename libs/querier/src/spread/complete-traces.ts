import { AppError, hex } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import type { SearchPartial, SearchRequest, TraceSearchMetadata } from '@vivace/query';
import { eachId, ID_BYTES } from '../copies/id-range.ts';
import { hashOf, noSources, wholeSlices } from '../jobs.ts';
import type { JobSources, KnownTraces, SearchJob } from '../jobs.ts';
import { hasRecent, recentSources } from '../plan-jobs.ts';
import type { RunPart, TenantData } from '../plan-jobs.ts';
import type { SearchProgress } from '../search-progress.ts';
import type { TaskRunner } from '../task-runner.ts';
import { AROUND_SEC, runSpread } from './spread-traces.ts';

export interface CompleteDeps {
  readonly pool: TaskRunner;
  /** What was found has been put together from all the places that were asked: the replication factor is above 1. */
  readonly isUnited: boolean;
  /** See `SearchJob`. */
  readonly maxGroups: number;
}

const AROUND_MS = AROUND_SEC * 1_000;

/**
 * Looks for what else there is of the traces that a search finds place by place, and judges those again, each whole, of which there is more. Good for one run over `data`.
 */
export class TraceCompletion {
  readonly #progress: SearchProgress;
  readonly #request: SearchRequest;
  readonly #data: readonly TenantData[];
  readonly #run: RunPart;
  readonly #deps: CompleteDeps;
  readonly #asked = new Set<string>();
  /** Whether any trace was judged again. */
  hasChanged = false;

  constructor(progress: SearchProgress, request: SearchRequest, data: readonly TenantData[], run: RunPart, deps: CompleteDeps) {
    this.#progress = progress;
    this.#request = request;
    this.#data = data;
    this.#run = run;
    this.#deps = deps;
  }

  /** Whether all there is of a trace is known. */
  readonly isWhole = ({ traceID }: TraceSearchMetadata): boolean => this.#asked.has(traceID);

  /** Resolves to whether that has changed anything. */
  async complete(traces: readonly TraceSearchMetadata[]): Promise<boolean> {
    const fresh = traces.filter((trace) => !this.isWhole(trace));
    if (fresh.length === 0) return false;
    const changed = await Promise.all(
      this.#data.map((one) => completeOf(one, this.#progress, this.#request, fresh, this.#run, this.#deps).catch(nothingWithoutStore)),
    );
    for (const { traceID } of fresh) this.#asked.add(traceID);
    const isChange = changed.includes(true);
    this.hasChanged ||= isChange;
    return isChange;
  }

  /** Of `found`, the newest. Whole, a trace may begin so early that others take its place. */
  async completeAll(found: readonly TraceSearchMetadata[]): Promise<readonly TraceSearchMetadata[]> {
    let traces = found;
    while (await this.complete(traces)) traces = this.#progress.traces();
    return traces;
  }
}

/** What is found is shown as it was found when blocks around it cannot be read. */
function nothingWithoutStore(reason: unknown): false {
  if (reason instanceof AppError && reason.reason === 'store_away') return false;
  throw reason;
}

async function completeOf(
  one: TenantData,
  progress: SearchProgress,
  request: SearchRequest,
  traces: readonly TraceSearchMetadata[],
  run: RunPart,
  deps: CompleteDeps,
): Promise<boolean> {
  const { tenant } = one;
  const { known, now } = placesOf(one, traces, deps);
  if (known.ids.length === 0) return false;
  const places = { ...recentSources(now), blocks: wholeSlices(now.blocks) };
  const asked: JobSources = deps.isUnited ? { ...noSources(tenant), blocks: wholeSlices(outside(now.blocks, one)) } : places;
  const united = await runSpread({ sources: asked, traces: known, places: deps.isUnited ? 1 : 2 }, 0, run, deps.pool);
  if (united.length === 0) return false;
  const sources: JobSources = { ...places, united };
  const job: SearchJob = {
    sources,
    request: { ...request, limit: united.length / ID_BYTES, range: undefined },
    floor: new BigUint64Array(new SharedArrayBuffer(8)),
    maxGroups: deps.maxGroups,
  };
  const result: unknown = await run((options) => deps.pool.run('search', job, { ...options, affinity: hashOf(tenant) }));
  const ids = new Set(eachId(united).map((id) => hex(id, 0, ID_BYTES)));
  progress.replace(tenant, ids, sources.isElsewhere ? (result as readonly SearchPartial[]) : [result as SearchPartial]);
  return true;
}

/** Those of `traces` of which there may be more, and where that may be by now. */
function placesOf(one: TenantData, traces: readonly TraceSearchMetadata[], deps: CompleteDeps): { readonly known: KnownTraces; readonly now: TenantData } {
  const times = traces.map(({ traceID, startTimeUnixNano, durationMs = 0 }) => {
    const startMs = Number(BigInt(startTimeUnixNano) / 1_000_000n);
    return { traceID, startMs: startMs - AROUND_MS, endMs: startMs + durationMs + 1 + AROUND_MS };
  });
  const from = times.reduce((least, { startMs }) => Math.min(least, startMs), Number.POSITIVE_INFINITY);
  const to = times.reduce((most, { endMs }) => Math.max(most, endMs), 0);
  // Later than recent data was borrowed: what it had then is in the one or the other.
  const now: TenantData = { ...one, ...one.stored(from / 1_000, to / 1_000) };
  // What is there already is one place.
  const others = deps.isUnited ? outside(now.blocks, one) : now.blocks;
  const places = deps.isUnited || hasRecent(one) ? 1 : 0;
  const some = times.filter(({ startMs, endMs }) => overlapping(others, startMs, endMs) + places > 1 || (one.recent.isElsewhere && !deps.isUnited));
  const ids = new Uint8Array(some.length * ID_BYTES);
  some.forEach(({ traceID }, i) => ids.set(Buffer.from(traceID, 'hex'), i * ID_BYTES));
  const known = { ids, startMs: Float64Array.from(some, ({ startMs }) => startMs), endMs: Float64Array.from(some, ({ endMs }) => endMs) };
  return { known, now };
}

function outside(blocks: readonly BlockMeta[], one: TenantData): BlockMeta[] {
  const asked = new Set(one.blocks.map(({ blockId }) => blockId));
  return blocks.filter(({ blockId }) => !asked.has(blockId));
}

function overlapping(blocks: readonly BlockMeta[], fromMs: number, toMs: number): number {
  let n = 0;
  for (const { startMs, endMs } of blocks) if (startMs <= toMs && endMs >= fromMs) n++;
  return n;
}
