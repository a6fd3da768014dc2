import type { TenantId } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import { mergeCertain, mergeSearch, oldestRank } from '@vivace/query';
import type { SearchMetrics, SearchPartial, SearchRequest, SearchResponse, TraceSearchMetadata } from '@vivace/query';
import type { JobSources } from './jobs.ts';
import { searchMetrics } from './search-metrics.ts';

/** The results of one search as its jobs complete. */
export class SearchProgress {
  readonly #request: SearchRequest;
  readonly #inspected: SearchPartial[] = [];
  readonly #partials: { readonly tenant: TenantId; readonly partial: SearchPartial }[] = [];
  /** Jobs without a result. */
  readonly #open = new Set<JobSources>();
  #blocks: readonly BlockMeta[] = [];
  #totalJobs = 0;

  constructor(request: SearchRequest) {
    this.#request = request;
  }

  /** Again when it has to be done in another way: what came before is forgotten. */
  begin(blocks: readonly BlockMeta[], jobs: readonly JobSources[]): void {
    this.#inspected.length = 0;
    this.#partials.length = 0;
    this.#open.clear();
    this.#blocks = blocks;
    this.#totalJobs = jobs.length;
    for (const job of jobs) this.#open.add(job);
  }

  add(partials: readonly SearchPartial[], job: JobSources): void {
    this.#inspected.push(...partials);
    for (const partial of partials) this.#partials.push({ tenant: job.tenant, partial });
    this.#open.delete(job);
  }

  /** What is known of these traces of a tenant (32 hex digits) gives way to `partials`. */
  replace(tenant: TenantId, traceIds: ReadonlySet<string>, partials: readonly SearchPartial[]): void {
    for (const [i, { tenant: owner, partial }] of this.#partials.entries()) {
      if (owner !== tenant || !partial.pieces.some(({ traceId }) => traceIds.has(traceId))) continue;
      this.#partials[i] = { tenant, partial: { ...partial, pieces: partial.pieces.filter(({ traceId }) => !traceIds.has(traceId)) } };
    }
    for (const partial of partials) this.#partials.push({ tenant, partial });
  }

  get isComplete(): boolean {
    return this.#open.size === 0;
  }

  /** Only traces that no open job can change or push out. */
  certain(): SearchResponse {
    const openUntilNs = this.#openUntilNs();
    return { traces: openUntilNs === undefined ? [] : mergeCertain(this.#found, this.#request, openUntilNs), metrics: this.#metrics() };
  }

  traces(): readonly TraceSearchMetadata[] {
    return mergeSearch(this.#found, this.#request);
  }

  /** See there. */
  oldestRank(): bigint | undefined {
    return oldestRank(this.#found, this.#request.limit);
  }

  answer(traces: readonly TraceSearchMetadata[]): SearchResponse {
    return { traces, metrics: this.#metrics() };
  }

  get #found(): readonly SearchPartial[] {
    return this.#partials.map(({ partial }) => partial);
  }

  /** The latest moment an open job knows of; undefined while recent data is open, which has no end. */
  #openUntilNs(): bigint | undefined {
    let untilMs = 0;
    for (const { tables, parts, blocks, isElsewhere } of this.#open) {
      if (tables.length + parts.length > 0 || isElsewhere) return undefined;
      for (const { meta } of blocks) untilMs = Math.max(untilMs, meta.endMs);
    }
    return BigInt(Math.ceil(untilMs)) * 1_000_000n;
  }

  #metrics(): SearchMetrics {
    return searchMetrics(this.#blocks, this.#inspected, this.#totalJobs - this.#open.size, this.#totalJobs);
  }
}
