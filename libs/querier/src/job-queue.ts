import { AppError, ConcurrencyLimit } from '@vivace/base';
import type { TenantId } from '@vivace/base';

export interface JobLimits {
  /** Jobs that run at a time, over all queries (`querier.max_concurrent_queries`). */
  readonly maxRunning: number;
  /** Jobs of one tenant that run or wait for their turn (`query_frontend.max_outstanding_per_tenant`). */
  readonly maxPerTenant: number;
}

export type RunJob = <T>(work: () => Promise<T>) => Promise<T>;

/** Decides when the jobs of queries run. */
export class JobQueue {
  readonly #limits: JobLimits;
  readonly #running: ConcurrencyLimit;
  readonly #outstanding = new Map<TenantId, number>();

  constructor(limits: JobLimits) {
    this.#limits = limits;
    this.#running = new ConcurrencyLimit(limits.maxRunning);
  }

  /**
   * Begins a query of which at most `maxJobs` run or wait for their turn at a time. A job rejects with `resource_exhausted` when its tenant has too many already, and as soon as the signal aborts, whether it
   * runs or waits.
   */
  query(tenant: TenantId, maxJobs: number, signal: AbortSignal): RunJob {
    const own = new ConcurrencyLimit(maxJobs);
    return (work) => own.run(() => this.#count(tenant, () => this.#running.run(work, signal)), signal);
  }

  async #count<T>(tenant: TenantId, work: () => Promise<T>): Promise<T> {
    const outstanding = this.#outstanding.get(tenant) ?? 0;
    const { maxPerTenant } = this.#limits;
    if (outstanding >= maxPerTenant) {
      throw new AppError(
        'resource_exhausted',
        `tenant ${tenant} has ${outstanding} parts of queries waiting, limit query_frontend.max_outstanding_per_tenant ${maxPerTenant}; try again later`,
        { retryAfterMs: 1_000 },
      );
    }
    this.#outstanding.set(tenant, outstanding + 1);
    try {
      return await work();
    } finally {
      const left = this.#outstanding.get(tenant)! - 1; // set above
      if (left === 0) this.#outstanding.delete(tenant);
      else this.#outstanding.set(tenant, left);
    }
  }
}
