import { AppError, rpcStatus } from '@vivace/base';
import type { Logger, MetricsRegistry, RpcMethod, TenantId } from '@vivace/base';
import { tenantSeed, traceToken } from '@vivace/ring';
import type { ReadSet, RingMember, RingView } from '@vivace/ring';
import { decode, encode, FrameJoiner, toFrames } from '@vivace/rpc';
import type { RpcChannel } from '@vivace/rpc';
import type { FindTraceJob } from '../jobs.ts';
import type { RecentSource } from '../querier.ts';
import type { TaskOptions, TaskRunner } from '../task-runner.ts';
import { anyTask, packJob, packResult, unpackJob, unpackResult } from './wire.ts';
import type { RemoteTasks, RunAny, TaskName } from './wire.ts';

/** A part of a query over the spans an ingester holds: a task and its job there, its result back. */
const QUERY_PATH = '/vivace.v1.Ingester/Query';

interface Question {
  readonly task: TaskName;
  readonly job: unknown;
}

export interface IngesterQueryDeps {
  readonly recent: RecentSource;
  /** Threads of the ingester. */
  readonly runner: TaskRunner;
  readonly logger: Logger;
}

/** The ingester's side. Answers nothing when it has no spans of the tenant. */
export function ingesterQueryMethod({ recent, runner, logger }: IngesterQueryDeps): RpcMethod {
  return {
    path: QUERY_PATH,
    async handle({ request, signal, send }) {
      try {
        const { task, job: packed } = decode(request) as Question;
        const job = unpackJob(packed);
        const { tenant, covered } = job.sources;
        const { tables, parts, release } = recent.recent(tenant, covered);
        try {
          if (tables.length + parts.length === 0) return OK;
          const result = await anyTask(runner)(task, { ...job, sources: { tenant, tables, parts, blocks: [] } }, { signal });
          for (const frame of toFrames(encode(packResult(task, result)))) await send(frame);
          return OK;
        } finally {
          release(!signal.aborted);
        }
      } catch (reason) {
        const error = AppError.from(reason);
        if (error.code === 'internal') logger.error('part of a query failed', { err: reason });
        return rpcStatus(error);
      }
    },
  };
}

const OK = { code: 0, details: '' };

export interface IngesterRunnerDeps {
  /** Ingesters that may hold spans of the tenant. */
  readonly view: (tenant: TenantId) => RingView;
  readonly channel: (address: string) => RpcChannel;
  /** For one ingester (`ingester_client.remote_timeout`). */
  readonly timeoutMs: number;
  readonly maxResultBytes: number;
  /** Runs what is not elsewhere. */
  readonly local: TaskRunner;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/**
 * Asks ingesters for what is elsewhere, all that may hold spans of the tenant; for one trace those that may hold it. The result of such a job is the list of their
 * results. As many may fail as copies make up for; when more do the job fails with `unavailable`, for an answer with holes would look like a whole one.
 */
export function createIngesterRunner(deps: IngesterRunnerDeps): TaskRunner {
  const failures = deps.metrics.counter('vivace_querier_ingester_failures_total', 'Questions that an ingester did not answer.', ['ingester']);
  const local = anyTask(deps.local);

  async function ask(member: RingMember, question: Uint8Array, task: TaskName, tenant: TenantId, signal: AbortSignal | undefined): Promise<unknown[]> {
    const joiner = new FrameJoiner(deps.maxResultBytes);
    const results: unknown[] = [];
    for await (const frame of deps.channel(member.address).call(QUERY_PATH, question, { tenant, timeoutMs: deps.timeoutMs, ...(signal && { signal }) })) {
      const bytes = joiner.add(frame);
      if (bytes) results.push(unpackResult(task, decode(bytes)));
    }
    return results;
  }

  async function askAll(task: TaskName, job: RemoteTasks[TaskName], { signal }: TaskOptions = {}): Promise<unknown[]> {
    const { tenant } = job.sources;
    const view = deps.view(tenant);
    const set = task === 'findTrace' ? view.readSetOf(traceToken(tenantSeed(tenant), (job as FindTraceJob).traceId, 0)) : view.readSet();
    if (!set.complete) throw unavailable(set.missing, 'are not healthy');
    const question = encode({ task, job: packJob(job) } satisfies Question);
    const stop = new AbortController();
    const signals = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    const failed: RingMember[] = [];
    const answers = set.members.map(async (member) => {
      try {
        return await ask(member, question, task, tenant, signals);
      } catch (reason) {
        if (signals.aborted) throw reason;
        failures.with({ ingester: member.id }).inc();
        deps.logger.warn('an ingester could not be asked', { ingester: member.id, tenant, err: AppError.from(reason).message });
        failed.push(member);
        if (isTooMuch(set, failed)) throw unavailable(failed, AppError.from(reason).message);
        return [];
      }
    });
    try {
      return (await Promise.all(answers)).flat();
    } finally {
      stop.abort();
    }
  }

  const run: RunAny = (task, job, options = {}) => (job.sources.isElsewhere ? askAll(task, job, options) : local(task, job, options));
  return { run: run as TaskRunner['run'] };
}

function isTooMuch({ maxErrors, maxUnavailableZones }: ReadSet, failed: readonly RingMember[]): boolean {
  return maxUnavailableZones > 0 ? new Set(failed.map(({ zone }) => zone)).size > maxUnavailableZones : failed.length > maxErrors;
}

function unavailable(members: readonly RingMember[], why: string): AppError {
  return new AppError('unavailable', `recent data is not complete: ingesters ${members.map(({ id }) => id).join(', ')}: ${why}`, { retryAfterMs: 1_000 });
}
