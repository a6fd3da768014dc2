import type { TenantId } from '@vivace/base';
import { InTurn } from './in-turn.ts';

export interface Queued {
  readonly tenant: TenantId;
  /** Tells queries apart, by identity. */
  readonly query: object;
  /** What it costs, 1 or more: its tenant and its query wait so many turns after it. */
  readonly weight: number;
  /** Goes before others of its query: it is short, and parts of the query that are under way wait for it. */
  readonly isFirst?: boolean;
}

interface QueryQueue<T> {
  readonly jobs: T[];
  /** How often others of the query went before the first. */
  passedOver: number;
}

/** Jobs of a query that are looked at for one that fits better than the first. */
const LOOK_AHEAD = 64;
const MAX_PASSED_OVER = 16;

/**
 * Jobs wait by tenant, and tenants are served in turn, so that one with a thousand jobs does not keep one with a single job waiting. So are the queries of a
 * tenant: a search of a month does not hold up a dashboard. Jobs of a query keep their order.
 */
export class FairQueue<T extends Queued> {
  readonly #tenants = new InTurn<TenantId, InTurn<object, QueryQueue<T>>>();

  push(job: T): void {
    const queries = this.#tenants.queueOf(job.tenant, () => new InTurn());
    const { jobs } = queries.queueOf(job.query, () => ({ jobs: [], passedOver: 0 }));
    if (job.isFirst) jobs.unshift(job);
    else jobs.push(job);
  }

  /** Counts a job that need not wait. */
  count({ tenant, weight }: Queued): void {
    this.#tenants.charge(tenant, weight);
  }

  /** The job whose turn it is, of those that `mayTake`; of its query rather one that `suits`. */
  take(mayTake: (job: T) => boolean, suits: (job: T) => boolean): T | undefined {
    const found = this.#tenants.first((queries) => queries.first((queue) => choose(queue, mayTake, suits)));
    if (!found) return undefined;
    const { queue, value: at } = found.value;
    const [job] = queue.jobs.splice(at, 1);
    queue.passedOver = at === 0 ? 0 : queue.passedOver + 1;
    this.#tenants.charge(job.tenant, job.weight);
    found.queue.charge(job.query, job.weight);
    this.#dropEmpty(job);
    return job;
  }

  /** False when it does not wait. */
  remove(job: T): boolean {
    const jobs = this.#tenants.get(job.tenant)?.get(job.query)?.jobs;
    const at = jobs?.indexOf(job) ?? -1;
    if (!jobs || at < 0) return false;
    jobs.splice(at, 1);
    this.#dropEmpty(job);
    return true;
  }

  /** Takes them all. */
  clear(): T[] {
    const jobs = [...this.#tenants.entries()].flatMap(([, queries]) => [...queries.entries()].flatMap(([, queue]) => queue.jobs));
    this.#tenants.clear();
    return jobs;
  }

  /** Jobs that wait, by tenant; those without are left out. */
  *lengths(): Iterable<readonly [TenantId, number]> {
    for (const [tenant, queries] of this.#tenants.entries()) {
      let length = 0;
      for (const [, { jobs }] of queries.entries()) length += jobs.length;
      yield [tenant, length];
    }
  }

  #dropEmpty({ tenant, query }: Queued): void {
    const queries = this.#tenants.get(tenant);
    if (queries?.get(query)?.jobs.length === 0) queries.delete(query);
    if (queries?.size === 0) this.#tenants.delete(tenant);
  }
}

function choose<T extends Queued>({ jobs, passedOver }: QueryQueue<T>, mayTake: (job: T) => boolean, suits: (job: T) => boolean): number | undefined {
  let first: number | undefined;
  for (let i = 0; i < jobs.length && (first === undefined || i < LOOK_AHEAD); i++) {
    if (!mayTake(jobs[i])) continue;
    if (passedOver >= MAX_PASSED_OVER || suits(jobs[i])) return i;
    first ??= i;
  }
  return first;
}
