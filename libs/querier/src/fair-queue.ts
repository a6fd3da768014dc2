import type { TenantId } from '@vivace/base';

export interface Queued {
  readonly tenant: TenantId;
  /** What it costs, 1 or more: a tenant waits so many turns after it. */
  readonly weight: number;
  /** Goes before others of its tenant: it is short, and a query whose parts are under way waits for it. */
  readonly isFirst?: boolean;
}

interface TenantQueue<T> {
  readonly jobs: T[];
  /** When the next one is due, in turns. */
  dueAt: number;
  /** How often others of the tenant went before the first. */
  passedOver: number;
}

/** Jobs of a tenant that are looked at for one that fits better than the first. */
const LOOK_AHEAD = 64;
const MAX_PASSED_OVER = 16;

/**
 * Jobs wait by tenant, and tenants are served in turn, so that one with a thousand jobs does not keep one with a single job waiting. A job of weight 2 takes two turns. A tenant that comes
 * has no turns saved up from the time it had nothing to do.
 */
export class FairQueue<T extends Queued> {
  readonly #queues = new Map<TenantId, TenantQueue<T>>();
  /** Of tenants that have had more than their turns, also while they have no jobs. */
  readonly #dueAt = new Map<TenantId, number>();
  #now = 0;

  push(job: T): void {
    const { tenant } = job;
    const queue = this.#queues.get(tenant);
    if (queue && job.isFirst) queue.jobs.unshift(job);
    else if (queue) queue.jobs.push(job);
    else this.#queues.set(tenant, { jobs: [job], dueAt: Math.max(this.#now, this.#dueAt.get(tenant) ?? 0), passedOver: 0 });
  }

  /** Counts a job that need not wait. */
  count({ tenant, weight }: Queued): void {
    this.#now = Math.max(this.#now, this.#dueAt.get(tenant) ?? 0);
    this.#charge(tenant, this.#now + weight);
  }

  /** The job whose turn it is, of those that `mayTake`; of its tenant rather one that `suits`. */
  take(mayTake: (job: T) => boolean, suits: (job: T) => boolean): T | undefined {
    let next: TenantQueue<T> | undefined;
    let at = -1;
    for (const queue of this.#queues.values()) {
      if (next && queue.dueAt >= next.dueAt) continue;
      const found = choose(queue, mayTake, suits);
      if (found < 0) continue;
      next = queue;
      at = found;
    }
    if (!next) return undefined;
    const [job] = next.jobs.splice(at, 1);
    next.passedOver = at === 0 ? 0 : next.passedOver + 1;
    this.#now = Math.max(this.#now, next.dueAt);
    next.dueAt = this.#now + job.weight;
    this.#charge(job.tenant, next.dueAt);
    if (next.jobs.length === 0) this.#queues.delete(job.tenant);
    return job;
  }

  /** False when it does not wait. */
  remove(job: T): boolean {
    const queue = this.#queues.get(job.tenant);
    const at = queue?.jobs.indexOf(job) ?? -1;
    if (!queue || at < 0) return false;
    queue.jobs.splice(at, 1);
    if (queue.jobs.length === 0) this.#queues.delete(job.tenant);
    return true;
  }

  /** Takes them all. */
  clear(): T[] {
    const jobs = [...this.#queues.values()].flatMap((queue) => queue.jobs);
    this.#queues.clear();
    return jobs;
  }

  /** Jobs that wait, by tenant; those without are left out. */
  *lengths(): Iterable<readonly [TenantId, number]> {
    for (const [tenant, { jobs }] of this.#queues) yield [tenant, jobs.length];
  }

  #charge(tenant: TenantId, dueAt: number): void {
    // To the end, so that those due are at the beginning.
    this.#dueAt.delete(tenant);
    this.#dueAt.set(tenant, dueAt);
    for (const [one, due] of this.#dueAt) {
      if (due > this.#now) break;
      this.#dueAt.delete(one);
    }
  }
}

function choose<T extends Queued>({ jobs, passedOver }: TenantQueue<T>, mayTake: (job: T) => boolean, suits: (job: T) => boolean): number {
  let first = -1;
  for (let i = 0; i < jobs.length && (first < 0 || i < LOOK_AHEAD); i++) {
    if (!mayTake(jobs[i])) continue;
    if (passedOver >= MAX_PASSED_OVER || suits(jobs[i])) return i;
    if (first < 0) first = i;
  }
  return first;
}
