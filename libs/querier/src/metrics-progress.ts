import type { BlockMeta } from '@vivace/block';
import { finishInstant, finishRange, MetricsMerge } from '@vivace/query';
import type { MetricsPartial, MetricsPlan, QueryInstantResponse, QueryRangeResponse, SearchMetrics } from '@vivace/query';
import { searchMetrics } from './search-metrics.ts';
import type { Inspected } from './search-metrics.ts';

/** The results of one metrics query as its jobs complete. */
export class MetricsProgress {
  readonly #plan: MetricsPlan;
  #merge: MetricsMerge;
  readonly #maxSeries: number;
  readonly #maxShown: number;
  readonly #inspected: Inspected[] = [];
  #blocks: readonly BlockMeta[] = [];
  #totalJobs = 0;
  #completedJobs = 0;

  /** `maxSeries` are kept while counting, `maxShown` in the answer: 0 is all. */
  constructor(plan: MetricsPlan, maxSeries: number, maxShown: number) {
    this.#plan = plan;
    this.#merge = new MetricsMerge(plan, maxSeries);
    this.#maxSeries = maxSeries;
    this.#maxShown = maxShown;
  }

  /** Again when it has to be done in another way: what came before is forgotten. */
  begin(blocks: readonly BlockMeta[], jobs: number): void {
    this.#merge = new MetricsMerge(this.#plan, this.#maxSeries);
    this.#inspected.length = 0;
    this.#completedJobs = 0;
    this.#blocks = blocks;
    this.#totalJobs = jobs;
  }

  /** The result of one job, from one process or several. */
  add(partials: readonly MetricsPartial[]): void {
    this.#completedJobs++;
    for (const partial of partials) {
      const { inspectedTraces, inspectedSpans, inspectedBytes } = partial;
      this.#merge.add(partial);
      this.#inspected.push({ inspectedTraces, inspectedSpans, inspectedBytes });
    }
  }

  get isComplete(): boolean {
    return this.#completedJobs === this.#totalJobs;
  }

  /** What is counted so far. */
  range(): QueryRangeResponse {
    return { ...finishRange(this.#merge.merged(), this.#plan, this.#maxShown), metrics: this.#metrics() };
  }

  instant(): QueryInstantResponse {
    return { ...finishInstant(this.#merge.merged(), this.#plan, this.#maxShown), metrics: this.#metrics() };
  }

  #metrics(): SearchMetrics {
    return searchMetrics(this.#blocks, this.#inspected, this.#completedJobs, this.#totalJobs);
  }
}
