import type { BlockMeta } from '@vivace/block';
import { finishInstant, finishRange, mergeMetrics } from '@vivace/query';
import type { MergedMetrics, MetricsPartial, MetricsPlan, QueryInstantResponse, QueryRangeResponse, SearchMetrics } from '@vivace/query';
import { searchMetrics } from './search-metrics.ts';

/** The results of one metrics query as its jobs complete. */
export class MetricsProgress {
  readonly #plan: MetricsPlan;
  /** Kept while counting; in the answer, 0 for all. */
  readonly #maxSeries: number;
  readonly #maxShown: number;
  readonly #partials: MetricsPartial[] = [];
  #blocks: readonly BlockMeta[] = [];
  #totalJobs = 0;
  #completedJobs = 0;

  constructor(plan: MetricsPlan, maxSeries: number, maxShown: number) {
    this.#plan = plan;
    this.#maxSeries = maxSeries;
    this.#maxShown = maxShown;
  }

  begin(blocks: readonly BlockMeta[], jobs: number): void {
    this.#blocks = blocks;
    this.#totalJobs = jobs;
  }

  /** The result of one job, from one process or several. */
  add(partials: readonly MetricsPartial[]): void {
    this.#completedJobs++;
    this.#partials.push(...partials);
  }

  get isComplete(): boolean {
    return this.#completedJobs === this.#totalJobs;
  }

  /** What is counted so far. */
  range(): QueryRangeResponse {
    return { ...finishRange(this.#merged(), this.#plan, this.#maxShown), metrics: this.#metrics() };
  }

  instant(): QueryInstantResponse {
    return { ...finishInstant(this.#merged(), this.#plan, this.#maxShown), metrics: this.#metrics() };
  }

  #merged(): MergedMetrics {
    return mergeMetrics(this.#partials, this.#plan, this.#maxSeries);
  }

  #metrics(): SearchMetrics {
    return searchMetrics(this.#blocks, this.#partials, this.#completedJobs, this.#totalJobs);
  }
}
