import { setTimeout as delay } from 'node:timers/promises';
import type { RpcMethod } from '@vivace/base';
import { ingesterPushMethod } from '@vivace/distributor';
import type { Ingester } from '@vivace/ingester';
import type { RpcServer, Service } from '@vivace/nest';
import type { ObjectStore } from '@vivace/object-store';
import { ingesterQueryMethod } from '@vivace/querier';
import type { WorkerPool } from '@vivace/workers';
import type { Cluster } from '../cluster.ts';
import { openIngester } from '../open-ingester.ts';
import type { IngesterParts } from '../open-ingester.ts';
import type { Overrides } from '../overrides.ts';
import * as part from '../providers.ts';
import type { Runtime } from '../runtime.ts';
import { ingesterService, poolService, rpcService } from '../services.ts';
import type { Tasks } from '../task-worker.ts';
import { CLUSTER, INGESTER, OVERRIDES, POOL, RPC_METHODS, RPC_SERVER, RUNTIME, STORE } from '../tokens.ts';
import { base, cluster } from './role.ts';
import type { Role } from './role.ts';

export const ingesterRole: Role = {
  providers: [
    ...base,
    ...cluster,
    part.store,
    part.pool,
    {
      provide: INGESTER,
      inject: [RUNTIME, STORE, POOL, OVERRIDES, CLUSTER],
      useFactory: (runtime: Runtime, store: ObjectStore, pool: WorkerPool<Tasks>, overrides: Overrides, { ingesters }: Cluster) => {
        const { keepFlushedMs, replicationFactor: copies } = runtime.config.cluster.ingesters;
        const owners: IngesterParts['owners'] = (tenant, { tenantShardSize }) => ({ ingesters: ingesters.shard(tenant, tenantShardSize).active, copies });
        return openIngester({ runtime, store, pool, announce: () => undefined, keepFlushedMs, overrides, owners });
      },
    },
    {
      provide: RPC_METHODS,
      inject: [RUNTIME, INGESTER, POOL],
      useFactory: ({ logger }: Runtime, ingester: Ingester, runner: WorkerPool<Tasks>): RpcMethod[] => [
        ingesterPushMethod(ingester, logger),
        ingesterQueryMethod({ recent: ingester, runner, logger }),
      ],
    },
    part.noQueryApi,
    part.ingesterAdmin,
  ],
  alive: [OVERRIDES, CLUSTER, POOL, RPC_SERVER, INGESTER],
  // It leaves the ring first, then flushes while it still answers for what it holds, and says last that it is gone.
  services: (runtime: Runtime, overrides: Overrides, cluster: Cluster, pool: WorkerPool<Tasks>, rpc: RpcServer, ingester: Ingester) => [
    overrides,
    cluster.service,
    poolService(pool),
    rpcService(rpc),
    lastBlocksSeen(runtime),
    ingesterService(runtime, ingester),
    cluster.ingester(),
    settled(runtime.config.cluster.ingesters.minReadyMs),
  ],
};

/** Of the graceful stop of an ingester: what it may go on answering for after its last block is stored. Flushing has had 0.8. */
const ANSWERING_SHARE = 0.1;
const POLLS_UNTIL_SEEN = 2;

/**
 * An ingester that leaves answers until its last blocks are polled, as far as the time for stopping allows. Where others have copies they answer meanwhile, and nothing has to wait.
 */
function lastBlocksSeen({ config }: Runtime): Service {
  const { replicationFactor, keepFlushedMs } = config.cluster.ingesters;
  const seenMs = Math.min(POLLS_UNTIL_SEEN * config.storage.blocklist.pollMs, keepFlushedMs, ANSWERING_SHARE * config.server.gracefulShutdownTimeoutMs);
  return { name: 'last-blocks-seen', start: async () => undefined, stop: () => delay(replicationFactor === 1 ? seenMs : 0) };
}

/** A rolling restart waits so long before it takes the next one: blocks are polled and heartbeats heard meanwhile. */
function settled(ms: number): Service {
  return { name: 'settled', start: (signal) => delay(ms, undefined, { signal }).catch(() => undefined), stop: async () => undefined };
}
