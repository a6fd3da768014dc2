import type { BlockMeta } from '@vivace/block';
import { mergeCertain, mergeSearch } from '@vivace/query';
import type { SearchMetrics, SearchPartial, SearchRequest, SearchResponse } from '@vivace/query';
import type { JobSources } from './jobs.ts';
import { searchMetrics } from './search-metrics.ts';

/** The results of one search as its jobs complete. */
export class SearchProgress {
  readonly #request: SearchRequest;
  readonly #partials: SearchPartial[] = [];
  /** Jobs without a result. */
  readonly #open = new Set<JobSources>();
  #blocks: readonly BlockMeta[] = [];
  #totalJobs = 0;

  constructor(request: SearchRequest) {
    this.#request = request;
  }

  /** Again when it has to be done in another way: what came before is forgotten. */
  begin(blocks: readonly BlockMeta[], jobs: readonly JobSources[]): void {
    this.#partials.length = 0;
    this.#open.clear();
    this.#blocks = blocks;
    this.#totalJobs = jobs.length;
    for (const job of jobs) this.#open.add(job);
  }

  add(partials: readonly SearchPartial[], job: JobSources): void {
    this.#partials.push(...partials);
    this.#open.delete(job);
  }

  get isComplete(): boolean {
    return this.#open.size === 0;
  }

  /** Only traces that no open job can change or push out. */
  certain(): SearchResponse {
    const openUntilNs = this.#openUntilNs();
    return { traces: openUntilNs === undefined ? [] : mergeCertain(this.#partials, this.#request, openUntilNs), metrics: this.#metrics() };
  }

  answer(): SearchResponse {
    return { traces: mergeSearch(this.#partials, this.#request), metrics: this.#metrics() };
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
    return searchMetrics(this.#blocks, this.#partials, this.#totalJobs - this.#open.size, this.#totalJobs);
  }
}
