import os from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@vivace/base';
import type { RpcServer } from '@vivace/nest';
import { createFrontendWorker, createIngesterRunner } from '@vivace/querier';
import type { FrontendWorker } from '@vivace/querier';
import type { WorkerPool } from '@vivace/workers';
import type { Cluster } from '../cluster.ts';
import { lookup } from '../lookup.ts';
import type { Overrides } from '../overrides.ts';
import * as part from '../providers.ts';
import type { Runtime } from '../runtime.ts';
import { createShardSizes } from '../shard-sizes.ts';
import { poolService, rpcService } from '../services.ts';
import type { Tasks } from '../task-worker.ts';
import { CLUSTER, FRONTEND_WORKER, OVERRIDES, POOL, RPC_SERVER, RUNTIME } from '../tokens.ts';
import { MAX_RESULT_BYTES, base, cluster, noMethods, showClients } from './role.ts';
import type { Role } from './role.ts';

/** A block may have to be made and stored more than once. */
const LOOKBACK_BLOCKS = 2;
const MAX_JOB_BYTES = 64 * 1024 * 1024;

export const querierRole: Role = {
  providers: [
    ...base,
    ...cluster,
    part.pool,
    {
      provide: FRONTEND_WORKER,
      inject: [RUNTIME, POOL, CLUSTER, OVERRIDES],
      async useFactory(runtime: Runtime, pool: WorkerPool<Tasks>, { ingesters, channels }: Cluster, overrides: Overrides): Promise<FrontendWorker> {
        const { config, clock, logger, metrics } = runtime;
        const { frontendWorker, ingesters: settings, shards } = config.cluster;
        const [toIngesters, toFrontends] = await Promise.all([channels(settings.client), channels(frontendWorker.client)]);
        showClients(runtime, 'tempo_querier_ingester_clients', ingesters, toIngesters);
        const lookbackMs = LOOKBACK_BLOCKS * config.ingester.maxBlockDurationMs + settings.keepFlushedMs;
        const shardLookbackMs = Math.max(lookbackMs, shards.lookbackMs);
        const sizes = createShardSizes(runtime, overrides, shardLookbackMs);
        if (frontendWorker.address === '')
          throw new AppError('invalid_argument', 'querier.frontend_worker.frontend_address is empty, want host:port of the query frontends');
        return createFrontendWorker({
          querierId: frontendWorker.id || os.hostname(),
          frontends: () => lookup(frontendWorker.address),
          refreshMs: frontendWorker.lookupMs,
          channel: toFrontends.to,
          concurrency: config.querier.maxConcurrentQueries,
          perFrontend: frontendWorker.parallelism,
          runner: createIngesterRunner({
            view(tenant) {
              const size = sizes.forRead(tenant);
              // Spans of a shard are elsewhere than in the ring, so everybody is asked where the shard is not.
              return ingesters.shard(tenant, size === 0 || shards.areAsked ? size : Number.POSITIVE_INFINITY, shardLookbackMs);
            },
            channel: toIngesters.to,
            lookbackMs,
            clock,
            timeoutMs: settings.timeoutMs,
            maxResultBytes: MAX_RESULT_BYTES,
            local: pool,
            logger,
            metrics,
          }),
          maxJobBytes: MAX_JOB_BYTES,
          delay: (ms, signal) => delay(ms, undefined, { signal, ref: false }),
          clock,
          logger,
        });
      },
    },
    part.noQueryApi,
    noMethods,
    part.plainAdmin,
  ],
  alive: [OVERRIDES, CLUSTER, POOL, RPC_SERVER, FRONTEND_WORKER],
  services: (_runtime: Runtime, overrides: Overrides, cluster: Cluster, pool: WorkerPool<Tasks>, rpc: RpcServer, worker: FrontendWorker) => [
    overrides,
    cluster.service,
    poolService(pool),
    rpcService(rpc),
    { name: 'frontend-worker', start: () => worker.start(), stop: () => worker.stop() },
  ],
};
