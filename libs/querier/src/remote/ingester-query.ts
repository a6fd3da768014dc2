import { AppError, rpcStatus, Seldom } from '@vivace/base';
import type { Clock, Logger, MetricsRegistry, RpcMethod, TenantId } from '@vivace/base';
import { tenantSeed, traceToken } from '@vivace/ring';
import type { RingView } from '@vivace/ring';
import { decode, encode, toFrames } from '@vivace/rpc';
import type { RpcChannel } from '@vivace/rpc';
import type { FindTraceJob, HeldJob, MetricsJob, SearchJob, SpreadJob } from '../jobs.ts';
import type { RecentSource } from '../querier.ts';
import type { TaskOptions, TaskRunner } from '../task-runner.ts';
import { askCopies } from './ask-copies.ts';
import { askSpread, askUnited } from './ask-spread.ts';
import { AskedIngesters, QUERY_PATH } from './asked-ingesters.ts';
import type { Question } from './asked-ingesters.ts';
import { anyTask, packResult, unpackJob } from './wire.ts';
import type { RemoteTasks, RunAny, TaskName } from './wire.ts';

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
        const { tenant, covered, range, only, longAgo, without } = job.sources;
        if (task === 'held') {
          for (const frame of toFrames(encode(recent.held?.(tenant, (job as HeldJob).forMs) ?? []))) await send(frame);
          return OK;
        }
        const { tables, parts, release } = recent.recent(tenant, covered);
        try {
          if (tables.length + parts.length === 0) return OK;
          const result = await anyTask(runner)(
            task,
            {
              ...job,
              sources: {
                tenant,
                tables,
                parts,
                blocks: [],
                ...(range && { range }),
                ...(only && { only }),
                ...(longAgo && { longAgo }),
                ...(without && { without }),
              },
            },
            { signal },
          );
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
  /** How long an ingester answers for a span it was given. */
  readonly lookbackMs: number;
  readonly clock: Clock;
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
 * results, and of that of this process where copies count once (`JobSources.share`).
 */
export function createIngesterRunner(deps: IngesterRunnerDeps): TaskRunner {
  const failures = deps.metrics.counter('vivace_querier_ingester_failures_total', 'Questions that an ingester did not answer.', ['ingester']);
  const seldom = new Seldom(deps.clock);
  const local = anyTask(deps.local);

  async function askAll(task: TaskName, job: RemoteTasks[TaskName], options: TaskOptions): Promise<unknown[]> {
    const { tenant, share, united, isStoreAway = false } = job.sources;
    const view = deps.view(tenant);
    const set =
      task === 'findTrace' && !isStoreAway
        ? view.readSetOf(traceToken(tenantSeed(tenant), (job as FindTraceJob).traceId, 0), deps.clock.now() - deps.lookbackMs)
        : view.readSet();
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    try {
      const ingesters = new AskedIngesters({ ...deps, failures, seldom }, tenant, set, signal);
      if (task === 'spread') return await askSpread(job as SpreadJob, ingesters, deps.local, { ...options, signal });
      if (united && (task === 'search' || task === 'metrics'))
        return await askUnited(task, job as SearchJob | MetricsJob, ingesters, deps.local, { ...options, signal });
      if (share && (task === 'search' || task === 'metrics'))
        return await askCopies(task, job as SearchJob | MetricsJob, ingesters, deps.local, { ...options, signal });
      const results = await ingesters.ask(task, ingesters.members, () => job);
      return results.filter((result) => result !== undefined);
    } finally {
      stop.abort();
    }
  }

  const run: RunAny = (task, job, options = {}) => (job.sources.isElsewhere ? askAll(task, job, options) : local(task, job, options));
  return { run: run as TaskRunner['run'] };
}
