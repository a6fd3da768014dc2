import type { BlockList } from '@vivace/blocklist';
import type { Compactor } from '@vivace/compactor';
import type { GeneratorForwarder } from '@vivace/distributor';
import type { Ingester } from '@vivace/ingester';
import type { MetricsGenerator } from '@vivace/metrics-generator';
import type { RpcServer } from '@vivace/nest';
import type { ObjectStore } from '@vivace/object-store';
import { createQuerier } from '@vivace/querier';
import type { QueryService } from '@vivace/query';
import type { WorkerPool } from '@vivace/workers';
import { createCompaction } from '../compaction.ts';
import type { TraceOwners } from '../max-live-traces.ts';
import { openIngester } from '../open-ingester.ts';
import type { Overrides } from '../overrides.ts';
import * as part from '../providers.ts';
import { plannerSettings } from '../query-parts.ts';
import type { Receivers } from '../receivers.ts';
import type { Rings } from '../rings.ts';
import { createRings } from '../rings.ts';
import type { Runtime } from '../runtime.ts';
import { blockListService, forwarderService, generatorService, ingesterService, poolService, rpcService } from '../services.ts';
import type { Tasks } from '../task-worker.ts';
import {
  BLOCK_LIST,
  COMPACTOR,
  FORWARDER,
  INGESTER,
  METRICS_GENERATOR,
  OVERRIDES,
  PAGES,
  POOL,
  QUERIER,
  RECEIVERS,
  RINGS,
  RPC_METHODS,
  RPC_SERVER,
  RUNTIME,
  STORE,
} from '../tokens.ts';
import { base } from './role.ts';
import type { Role } from './role.ts';
import { compactorService } from '../services.ts';

const alone = (): TraceOwners => ({ ingesters: 1, copies: 1 });

export const allRole: Role = {
  providers: [
    ...base,
    part.store,
    part.pool,
    part.blockList([], () => () => true),
    {
      provide: INGESTER,
      inject: [RUNTIME, STORE, POOL, BLOCK_LIST, OVERRIDES],
      useFactory: (runtime: Runtime, store: ObjectStore, pool: WorkerPool<Tasks>, blocks: BlockList, overrides: Overrides) =>
        openIngester({ runtime, store, pool, announce: (meta) => blocks.announce(meta), keepFlushedMs: whileAway(runtime), overrides, owners: alone }),
    },
    part.metricsGenerator,
    part.forwarder(METRICS_GENERATOR),
    part.distributor(INGESTER, RINGS),
    part.receivers,
    {
      provide: QUERIER,
      inject: [RUNTIME, INGESTER, BLOCK_LIST, POOL, OVERRIDES],
      useFactory: (runtime: Runtime, recent: Ingester, blocks: BlockList, pool: WorkerPool<Tasks>, overrides: Overrides): QueryService =>
        createQuerier({
          ...plannerSettings(runtime, overrides),
          recent,
          blocks,
          pool,
          threads: pool.stats().size,
          jobLimits: { maxRunning: runtime.config.querier.maxConcurrentQueries, maxPerTenant: runtime.config.queryFrontend.maxOutstandingPerTenant },
        }),
    },
    part.queryApi,
    { provide: RPC_METHODS, inject: [RUNTIME, OVERRIDES, QUERIER], useFactory: part.streamingMethods },
    { provide: RINGS, inject: [RUNTIME], useFactory: createRings },
    { provide: PAGES, inject: [RINGS], useFactory: ({ pages }: Rings) => pages },
    part.ingesterAdmin,
    {
      provide: COMPACTOR,
      inject: [RUNTIME, STORE, BLOCK_LIST, OVERRIDES],
      useFactory: (runtime: Runtime, store: ObjectStore, blocks: BlockList, overrides: Overrides) =>
        createCompaction(runtime, store, blocks, overrides, () => true),
    },
  ],
  alive: [OVERRIDES, POOL, BLOCK_LIST, INGESTER, COMPACTOR, RINGS, METRICS_GENERATOR, FORWARDER, RECEIVERS, RPC_SERVER],
  services: (
    runtime: Runtime,
    overrides: Overrides,
    pool: WorkerPool<Tasks>,
    blocks: BlockList,
    ingester: Ingester,
    compactor: Compactor,
    rings: Rings,
    generator: MetricsGenerator,
    forwarder: GeneratorForwarder,
    receivers: Receivers,
    rpc: RpcServer,
  ) => [
    overrides,
    poolService(pool),
    blockListService(blocks),
    ingesterService(runtime, ingester),
    compactorService(compactor),
    rings.service,
    generatorService(runtime, generator),
    forwarderService(runtime, forwarder),
    receivers,
    rpcService(rpc),
  ],
};

/** Blocks are known here at once, but a store elsewhere may be away: then what is in them is asked of their parts. */
function whileAway({ config }: Runtime): number {
  return config.storage.backend === 'local' ? 0 : config.cluster.ingesters.keepFlushedMs;
}
