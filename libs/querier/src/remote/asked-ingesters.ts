import { AppError } from '@vivace/base';
import type { Counter, Family, Logger, Seldom, TenantId } from '@vivace/base';
import type { ReadSet, RingMember } from '@vivace/ring';
import { decode, encode, FrameJoiner } from '@vivace/rpc';
import type { RpcChannel } from '@vivace/rpc';
import { packJob, unpackResult } from './wire.ts';
import type { RemoteTasks, TaskName } from './wire.ts';

/** A part of a query over the spans an ingester holds: a task and its job there, its result back. */
export const QUERY_PATH = '/vivace.v1.Ingester/Query';

export interface Question {
  readonly task: TaskName;
  readonly job: unknown;
}

export interface AskedIngestersDeps {
  readonly channel: (address: string) => RpcChannel;
  readonly timeoutMs: number;
  readonly maxResultBytes: number;
  readonly logger: Logger;
  readonly seldom: Seldom;
  readonly failures: Family<'ingester', Counter>;
}

/**
 * The ingesters that are asked for one part of a query, once or several times. One that failed is not asked again. When more fail than copies make up for, `ask` rejects with
 * `unavailable`, for an answer with holes would look like a whole one.
 */
export class AskedIngesters {
  readonly #deps: AskedIngestersDeps;
  readonly #tenant: TenantId;
  readonly #set: ReadSet;
  readonly #signal: AbortSignal;
  readonly #failed: RingMember[] = [];

  /** Throws `unavailable` when too many are missing already. */
  constructor(deps: AskedIngestersDeps, tenant: TenantId, set: ReadSet, signal: AbortSignal) {
    if (!set.complete) throw unavailable(set.missing, 'are not healthy');
    this.#deps = deps;
    this.#tenant = tenant;
    this.#set = set;
    this.#signal = signal;
  }

  /** Those that have not failed. */
  get members(): readonly RingMember[] {
    return this.#set.members.filter((member) => !this.#failed.includes(member));
  }

  /** Asks each of `members` its own job, or none; the result of each that has answered: undefined when it has nothing to say. */
  async ask<T>(task: TaskName, members: readonly RingMember[], jobOf: (index: number) => RemoteTasks[TaskName] | undefined): Promise<(T | undefined)[]> {
    return Promise.all(
      members.map(async (member, i) => {
        const job = jobOf(i);
        if (!job) return undefined;
        try {
          return (await this.#askOne(member, task, job)) as T | undefined;
        } catch (reason) {
          this.#fail(member, reason);
          return undefined;
        }
      }),
    );
  }

  async #askOne(member: RingMember, task: TaskName, job: RemoteTasks[TaskName]): Promise<unknown> {
    const { channel, timeoutMs, maxResultBytes } = this.#deps;
    const question = encode({ task, job: packJob(job) } satisfies Question);
    const joiner = new FrameJoiner(maxResultBytes);
    let result: unknown;
    for await (const frame of channel(member.address).call(QUERY_PATH, question, { tenant: this.#tenant, timeoutMs, signal: this.#signal })) {
      const bytes = joiner.add(frame);
      if (bytes) result = unpackResult(task, decode(bytes));
    }
    return result;
  }

  #fail(member: RingMember, reason: unknown): void {
    if (this.#signal.aborted) throw reason;
    const { message } = AppError.from(reason);
    this.#deps.failures.with({ ingester: member.id }).inc();
    const times = this.#deps.seldom.times(member.id);
    if (times > 0) this.#deps.logger.warn('an ingester could not be asked', { ingester: member.id, times, tenant: this.#tenant, err: message });
    if (!this.#failed.includes(member)) this.#failed.push(member);
    if (!this.#set.tolerates(this.#failed)) throw unavailable(this.#failed, message);
  }
}

function unavailable(members: readonly RingMember[], why: string): AppError {
  const who = members.length === 0 ? 'too few ingesters are known' : `ingesters ${members.map(({ id }) => id).join(', ')}: ${why}`;
  return new AppError('unavailable', `recent data is not complete: ${who}`, { retryAfterMs: 1_000 });
}
