import { setTimeout as delay } from 'node:timers/promises';
import type { RpcMethod } from '@vivace/base';
import type { BlockList } from '@vivace/blocklist';
import type { RpcServer, Service } from '@vivace/nest';
import { createDispatcher, createQuerier } from '@vivace/querier';
import type { Dispatcher } from '@vivace/querier';
import type { QueryService } from '@vivace/query';
import type { Overrides } from '../overrides.ts';
import * as part from '../providers.ts';
import { plannerSettings } from '../query-parts.ts';
import type { Runtime } from '../runtime.ts';
import { blockListService, rpcService } from '../services.ts';
import { systemTimers } from '../system-timers.ts';
import { BLOCK_LIST, DISPATCHER, OVERRIDES, QUERIER, RPC_METHODS, RPC_SERVER, RUNTIME } from '../tokens.ts';
import { MAX_RESULT_BYTES, base, noPages } from './role.ts';
import type { Role } from './role.ts';

export const queryFrontendRole: Role = {
  providers: [
    ...base,
    noPages,
    part.store,
    part.blockList([], () => () => false),
    {
      provide: DISPATCHER,
      inject: [RUNTIME],
      useFactory: ({ config, clock, logger, metrics }: Runtime) =>
        createDispatcher({
          maxRetries: config.cluster.maxRetries,
          weights: config.queryFrontend.weights,
          maxResultBytes: MAX_RESULT_BYTES,
          timers: systemTimers,
          clock,
          logger,
          metrics,
        }),
    },
    {
      provide: QUERIER,
      inject: [RUNTIME, DISPATCHER, BLOCK_LIST, OVERRIDES],
      useFactory: (runtime: Runtime, dispatcher: Dispatcher, blocks: BlockList, overrides: Overrides): QueryService =>
        createQuerier({
          ...plannerSettings(runtime, overrides),
          recent: { recent: () => ({ tables: [], parts: [], isElsewhere: true, release: () => undefined }) },
          blocks,
          pool: dispatcher.runner,
          copies: runtime.config.cluster.ingesters.replicationFactor > 1,
          // Queriers share a query; each divides its part no further. Twice as many parts when there are more queriers: half of the parts stay where they are cached.
          get threads() {
            return Math.max(MIN_PARTS_OF_A_QUERY, 2 ** Math.ceil(Math.log2(dispatcher.queriers)));
          },
          jobLimits: { maxRunning: Number.POSITIVE_INFINITY, maxPerTenant: runtime.config.queryFrontend.maxOutstandingPerTenant },
        }),
    },
    part.queryApi,
    {
      provide: RPC_METHODS,
      inject: [RUNTIME, OVERRIDES, QUERIER, DISPATCHER],
      useFactory: (runtime: Runtime, overrides: Overrides, service: QueryService, dispatcher: Dispatcher): RpcMethod[] => [
        ...part.streamingMethods(runtime, overrides, service),
        ...dispatcher.methods,
      ],
    },
    part.plainAdmin,
  ],
  alive: [OVERRIDES, BLOCK_LIST, RPC_SERVER, DISPATCHER],
  services: ({ config }: Runtime, overrides: Overrides, blocks: BlockList, rpc: RpcServer, dispatcher: Dispatcher) => [
    overrides,
    blockListService(blocks),
    rpcService(rpc),
    dispatcherService(dispatcher, config.server.gracefulShutdownTimeoutMs * QUERIES_SHARE),
  ],
};

/** A query over blocks is divided as for so many threads. */
const MIN_PARTS_OF_A_QUERY = 8;

/** Of the graceful stop of a query frontend: what queries under way may take. */
const QUERIES_SHARE = 0.6;

/** Ready means that somebody does the work. */
function dispatcherService(dispatcher: Dispatcher, stopTimeoutMs: number): Service {
  return {
    name: 'dispatcher',
    async start(signal) {
      while (dispatcher.streams === 0 && !signal.aborted) await delay(100, undefined, { signal }).catch(() => undefined);
    },
    stop: () => dispatcher.stop(stopTimeoutMs),
  };
}
