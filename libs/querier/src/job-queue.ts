import { AppError, ConcurrencyLimit } from '@vivace/base';
import type { Clock, Counter, Family, Histogram, MetricsRegistry, TenantId } from '@vivace/base';
import { FairQueue } from './fair-queue.ts';
import type { Queued } from './fair-queue.ts';
import { discardedRequests, queueDuration, showQueueLengths } from './queue-metrics.ts';

export interface JobLimits {
  /** Jobs that run at a time, over all queries (`querier.max_concurrent_queries`); Infinity where they wait elsewhere, and are measured there. */
  readonly maxRunning: number;
  /** Jobs of one tenant that run or wait for their turn (`query_frontend.max_outstanding_per_tenant`). */
  readonly maxPerTenant: number;
}

interface Waiting extends Queued {
  readonly begin: () => void;
}

export type RunJob = <T>(work: () => Promise<T>) => Promise<T>;

/** Decides when the jobs of queries run. */
export class JobQueue {
  readonly #limits: JobLimits;
  readonly #outstanding = new Map<TenantId, number>();
  readonly #waiting = new FairQueue<Waiting>();
  #running = 0;
  readonly #clock: Clock;
  readonly #discarded: Family<'user', Counter>;
  readonly #waited: Histogram | undefined;

  constructor(limits: JobLimits, clock: Clock, metrics: MetricsRegistry) {
    this.#limits = limits;
    this.#clock = clock;
    this.#discarded = discardedRequests(metrics);
    if (!Number.isFinite(limits.maxRunning)) return;
    this.#waited = queueDuration(metrics);
    showQueueLengths(metrics, () => this.#waiting.lengths());
  }

  /**
   * Begins a query of which at most `maxJobs`, of this weight each, run or wait for their turn at a time. A job rejects with `resource_exhausted` when its tenant has too many already, and as
   * soon as the signal aborts, whether it runs or waits.
   */
  query(tenant: TenantId, maxJobs: number, signal: AbortSignal, weight = 1): RunJob {
    const own = new ConcurrencyLimit(maxJobs);
    return (work) => own.run(() => this.#count(tenant, () => this.#run({ tenant, query: own, weight }, work, signal)), signal);
  }

  async #run<T>(job: Queued, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const sinceMs = this.#clock.now();
    if (signal.aborted) throw AppError.from(signal.reason, 'canceled');
    if (this.#running < Math.max(1, this.#limits.maxRunning)) {
      this.#running++;
      this.#waiting.count(job);
    } else await this.#turn(job, signal);
    this.#waited?.observe((this.#clock.now() - sinceMs) / 1_000);
    try {
      if (signal.aborted) throw AppError.from(signal.reason, 'canceled');
      return await work();
    } finally {
      const next = this.#waiting.take(
        () => true,
        () => true,
      );
      // The place goes from hand to hand, so that nobody who comes meanwhile takes it.
      if (next) next.begin();
      else this.#running--;
    }
  }

  async #turn(queued: Queued, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const job: Waiting = { ...queued, begin: resolve };
    const giveUp = (): void => {
      this.#waiting.remove(job);
      reject(AppError.from(signal.reason, 'canceled'));
    };
    signal.addEventListener('abort', giveUp, { once: true });
    this.#waiting.push(job);
    await promise.finally(() => signal.removeEventListener('abort', giveUp));
  }

  async #count<T>(tenant: TenantId, work: () => Promise<T>): Promise<T> {
    const outstanding = this.#outstanding.get(tenant) ?? 0;
    const { maxPerTenant } = this.#limits;
    if (outstanding >= maxPerTenant) {
      this.#discarded.with({ user: tenant }).inc();
      throw new AppError(
        'resource_exhausted',
        `tenant ${tenant} has ${outstanding} parts of queries waiting, limit query_frontend.max_outstanding_per_tenant ${maxPerTenant}; try again later`,
        { retryAfterMs: 1_000 },
      );
    }
    add(this.#outstanding, tenant, 1);
    try {
      return await work();
    } finally {
      add(this.#outstanding, tenant, -1);
    }
  }
}

/** Nothing is kept of those with 0. */
function add(counts: Map<TenantId, number>, tenant: TenantId, n: number): void {
  const count = (counts.get(tenant) ?? 0) + n;
  if (count === 0) counts.delete(tenant);
  else counts.set(tenant, count);
}
