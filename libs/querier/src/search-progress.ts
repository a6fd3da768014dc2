import type { TenantId } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import { mergeCertain, mergeSearch, oldestRank } from '@vivace/query';
import type { SearchMetrics, SearchPartial, SearchRequest, SearchResponse, TraceSearchMetadata } from '@vivace/query';
import type { JobSources } from './jobs.ts';
import { searchMetrics } from './search-metrics.ts';

/** The results of one search as its jobs complete. */
export class SearchProgress {
  readonly #request: SearchRequest;
  /** As they came. */
  readonly #results: SearchPartial[] = [];
  /** Without the pieces that others took the place of. */
  readonly #partials: { readonly tenant: TenantId; readonly partial: SearchPartial }[] = [];
  /** Those others. */
  readonly #united: SearchPartial[] = [];
  /** Tenant and trace ids that later results say nothing new of. */
  readonly #replaced = new Set<string>();
  /** Jobs without a result. */
  readonly #open = new Set<JobSources>();
  #blocks: readonly BlockMeta[] = [];
  #totalJobs = 0;

  constructor(request: SearchRequest) {
    this.#request = request;
  }

  /** Again when it has to be done in another way: what came before is forgotten. */
  begin(blocks: readonly BlockMeta[], jobs: readonly JobSources[]): void {
    this.#results.length = 0;
    this.#partials.length = 0;
    this.#united.length = 0;
    this.#replaced.clear();
    this.#open.clear();
    this.#blocks = blocks;
    this.#totalJobs = jobs.length;
    for (const job of jobs) this.#open.add(job);
  }

  add(partials: readonly SearchPartial[], job: JobSources): void {
    this.#results.push(...partials);
    for (const partial of partials) this.#partials.push({ tenant: job.tenant, partial: this.#without(job.tenant, partial) });
    this.#open.delete(job);
  }

  /** What is known of these traces of a tenant (32 hex digits) gives way to `partials`. */
  replace(tenant: TenantId, traceIds: ReadonlySet<string>, partials: readonly SearchPartial[]): void {
    for (const id of traceIds) this.#replaced.add(`${tenant} ${id}`);
    for (const [i, { tenant: owner, partial }] of this.#partials.entries()) this.#partials[i] = { tenant: owner, partial: this.#without(owner, partial) };
    this.#united.push(...partials);
  }

  #without(tenant: TenantId, partial: SearchPartial): SearchPartial {
    if (this.#replaced.size === 0) return partial;
    const pieces = partial.pieces.filter(({ traceId }) => !this.#replaced.has(`${tenant} ${traceId}`));
    return pieces.length === partial.pieces.length ? partial : { ...partial, pieces };
  }

  get isComplete(): boolean {
    return this.#open.size === 0;
  }

  /** Only traces that no open job can change or push out, and of those only such that `isWhole`. */
  certain(isWhole: (trace: TraceSearchMetadata) => boolean = () => true): SearchResponse {
    const openUntilNs = this.#openUntilNs();
    return { traces: openUntilNs === undefined ? [] : mergeCertain(this.#found, this.#request, openUntilNs).filter(isWhole), metrics: this.#metrics() };
  }

  traces(): readonly TraceSearchMetadata[] {
    return mergeSearch(this.#found, this.#request);
  }

  /** What parts of the answer left out is not newer: see there. */
  oldestRank(): bigint | undefined {
    return oldestRank(this.#results, this.#request.limit);
  }

  answer(traces: readonly TraceSearchMetadata[]): SearchResponse {
    return { traces, metrics: this.#metrics() };
  }

  get #found(): readonly SearchPartial[] {
    return [...this.#partials.map(({ partial }) => partial), ...this.#united];
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
    return searchMetrics(this.#blocks, this.#results, this.#totalJobs - this.#open.size, this.#totalJobs);
  }
}
