// What each process is made of: providers, and what of them has a life of its own, in order of start.
import os from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Provider } from '@nestjs/common';
import { AppError } from '@vivace/base';
import type { Logger, RpcMethod } from '@vivace/base';
import type { BlockList } from '@vivace/blocklist';
import type { Compactor } from '@vivace/compactor';
import { createReplicatedIngester, createRingGenerators, generatorPushMethod, ingesterPushMethod } from '@vivace/distributor';
import type { GeneratorForwarder, GeneratorPort } from '@vivace/distributor';
import type { Gateway } from '@vivace/gateway';
import { createGateway } from '@vivace/gateway';
import type { Ingester } from '@vivace/ingester';
import type { MetricsGenerator } from '@vivace/metrics-generator';
import type { RpcServer, Service } from '@vivace/nest';
import type { ObjectStore } from '@vivace/object-store';
import { createDispatcher, createFrontendWorker, createIngesterRunner, createQuerier, ingesterQueryMethod } from '@vivace/querier';
import type { Dispatcher, FrontendWorker } from '@vivace/querier';
import type { QueryService } from '@vivace/query';
import type { WorkerPool } from '@vivace/workers';
import { buildsIndex } from './builds-index.ts';
import type { Cluster } from './cluster.ts';
import { createCluster } from './cluster.ts';
import { createCompaction } from './compaction.ts';
import { lookup } from './lookup.ts';
import { openIngester } from './open-ingester.ts';
import type { Overrides } from './overrides.ts';
import * as part from './providers.ts';
import { plannerSettings } from './query-parts.ts';
import type { Receivers } from './receivers.ts';
import type { Rings } from './rings.ts';
import { createRings } from './rings.ts';
import type { Runtime } from './runtime.ts';
import { createShardSizes } from './shard-sizes.ts';
import { blockListService, forwarderService, generatorService, ingesterService, poolService, rpcService } from './services.ts';
import { systemTimers } from './system-timers.ts';
import type { Tasks } from './task-worker.ts';
import {
  BLOCK_LIST,
  CLUSTER,
  COMPACTOR,
  DISPATCHER,
  FORWARDER,
  FRONTEND_WORKER,
  GATEWAY,
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
} from './tokens.ts';

export interface Role {
  readonly providers: readonly Provider[];
  /** Tokens of the parts that `services` gets. */
  readonly alive: readonly symbol[];
  /** Each after what it uses; they stop in reverse. */
  readonly services: (runtime: Runtime, ...parts: never[]) => readonly Service[];
}

const base: readonly Provider[] = [part.overrides, part.rpcServer, ...part.statusPages];
const cluster: readonly Provider[] = [
  { provide: CLUSTER, inject: [RUNTIME], useFactory: createCluster },
  { provide: PAGES, inject: [CLUSTER], useFactory: ({ pages }: Cluster) => pages },
];
const noMethods: Provider = { provide: RPC_METHODS, useValue: [] satisfies RpcMethod[] };
const noPages: Provider = { provide: PAGES, useValue: [] };

/** Results of parts of queries: a trace may be this large. */
const MAX_RESULT_BYTES = 256 * 1024 * 1024;
/** A block may have to be made and stored more than once. */
const LOOKBACK_BLOCKS = 2;
const MAX_JOB_BYTES = 64 * 1024 * 1024;

const all: Role = {
  providers: [
    ...base,
    part.store,
    part.pool,
    part.blockList([], () => () => true),
    {
      provide: INGESTER,
      inject: [RUNTIME, STORE, POOL, BLOCK_LIST, OVERRIDES],
      useFactory: (runtime: Runtime, store: ObjectStore, pool: WorkerPool<Tasks>, blocks: BlockList, overrides: Overrides) =>
        openIngester({ runtime, store, pool, announce: (meta) => blocks.announce(meta), keepFlushedMs: whileAway(runtime), overrides }),
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

const REPLICAS: unique symbol = Symbol('REPLICAS');
const GENERATORS: unique symbol = Symbol('GENERATORS');

const distributor: Role = {
  providers: [
    ...base,
    ...cluster,
    {
      provide: REPLICAS,
      inject: [RUNTIME, CLUSTER, OVERRIDES],
      useFactory(runtime: Runtime, { ingesters, channel, clientsOf }: Cluster, overrides: Overrides) {
        const settings = runtime.config.cluster.ingesters;
        showClients(runtime, 'tempo_distributor_ingester_clients', () => clientsOf(ingesters));
        const sizes = createShardSizes(runtime, overrides, 0);
        return createReplicatedIngester({
          view: (tenant) => ingesters.shard(tenant, sizes.forWrite(tenant)),
          channel,
          timeoutMs: settings.timeoutMs,
          maxPendingBytes: settings.maxPendingBytes,
          logger: runtime.logger,
          metrics: runtime.metrics,
        });
      },
    },
    {
      provide: GENERATORS,
      inject: [RUNTIME, CLUSTER, OVERRIDES],
      useFactory(runtime: Runtime, { generators, channel, clientsOf }: Cluster, overrides: Overrides): GeneratorPort {
        showClients(runtime, 'tempo_distributor_metrics_generator_clients', () => clientsOf(generators));
        return createRingGenerators({
          view: (tenant) => generators.shard(tenant, overrides.limits(tenant).metricsGenerator.ringSize),
          channel,
          timeoutMs: runtime.config.cluster.metricsGenerators.timeoutMs,
          metrics: runtime.metrics,
        });
      },
    },
    part.forwarder(GENERATORS),
    part.distributor(REPLICAS, CLUSTER),
    part.receivers,
    part.noQueryApi,
    noMethods,
    part.plainAdmin,
  ],
  alive: [OVERRIDES, CLUSTER, FORWARDER, RPC_SERVER, RECEIVERS],
  services: (runtime: Runtime, overrides: Overrides, cluster: Cluster, forwarder: GeneratorForwarder, rpc: RpcServer, receivers: Receivers) => [
    overrides,
    cluster.service,
    forwarderService(runtime, forwarder),
    rpcService(rpc),
    enoughIngesters(cluster, runtime.logger),
    cluster.distributor(),
    receivers,
  ],
};

const ingester: Role = {
  providers: [
    ...base,
    ...cluster,
    part.store,
    part.pool,
    {
      provide: INGESTER,
      inject: [RUNTIME, STORE, POOL, OVERRIDES],
      useFactory: (runtime: Runtime, store: ObjectStore, pool: WorkerPool<Tasks>, overrides: Overrides) =>
        openIngester({ runtime, store, pool, announce: () => undefined, keepFlushedMs: runtime.config.cluster.ingesters.keepFlushedMs, overrides }),
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

const querier: Role = {
  providers: [
    ...base,
    ...cluster,
    part.pool,
    {
      provide: FRONTEND_WORKER,
      inject: [RUNTIME, POOL, CLUSTER, OVERRIDES],
      useFactory: (runtime: Runtime, pool: WorkerPool<Tasks>, { ingesters, channel, clientsOf }: Cluster, overrides: Overrides): FrontendWorker => {
        showClients(runtime, 'tempo_querier_ingester_clients', () => clientsOf(ingesters));
        const { config, clock, logger, metrics } = runtime;
        const { frontendWorker, ingesters: settings, shards } = config.cluster;
        const lookbackMs = LOOKBACK_BLOCKS * config.ingester.maxBlockDurationMs + settings.keepFlushedMs;
        const shardLookbackMs = Math.max(lookbackMs, shards.lookbackMs);
        const sizes = createShardSizes(runtime, overrides, shardLookbackMs);
        if (frontendWorker.address === '')
          throw new AppError('invalid_argument', 'querier.frontend_worker.frontend_address is empty, want host:port of the query frontends');
        return createFrontendWorker({
          querierId: frontendWorker.id || os.hostname(),
          frontends: () => lookup(frontendWorker.address),
          refreshMs: frontendWorker.lookupMs,
          channel,
          concurrency: config.querier.maxConcurrentQueries,
          runner: createIngesterRunner({
            view(tenant) {
              const size = sizes.forRead(tenant);
              // Spans of a shard are elsewhere than in the ring, so everybody is asked where the shard is not.
              return ingesters.shard(tenant, size === 0 || shards.areAsked ? size : Number.POSITIVE_INFINITY, shardLookbackMs);
            },
            channel,
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

const queryFrontend: Role = {
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

const compactor: Role = {
  providers: [
    ...base,
    ...cluster,
    part.store,
    part.blockList([RUNTIME, CLUSTER], ({ config }: Runtime, { ownsCompaction }: Cluster) =>
      buildsIndex(config.storage.blocklist.indexBuilders, ownsCompaction),
    ),
    {
      provide: COMPACTOR,
      inject: [RUNTIME, STORE, BLOCK_LIST, OVERRIDES, CLUSTER],
      useFactory: (runtime: Runtime, store: ObjectStore, blocks: BlockList, overrides: Overrides, { ownsCompaction }: Cluster) =>
        createCompaction(runtime, store, blocks, overrides, ownsCompaction),
    },
    part.noQueryApi,
    noMethods,
    part.plainAdmin,
  ],
  alive: [OVERRIDES, CLUSTER, RPC_SERVER, BLOCK_LIST, COMPACTOR],
  services: (_runtime: Runtime, overrides: Overrides, cluster: Cluster, rpc: RpcServer, blocks: BlockList, compactor: Compactor) => [
    overrides,
    cluster.service,
    rpcService(rpc),
    cluster.compactor(),
    blockListService(blocks),
    compactorService(compactor),
  ],
};

const metricsGenerator: Role = {
  providers: [
    ...base,
    ...cluster,
    part.metricsGenerator,
    {
      provide: RPC_METHODS,
      inject: [RUNTIME, METRICS_GENERATOR],
      useFactory: ({ logger }: Runtime, generator: MetricsGenerator): RpcMethod[] => [generatorPushMethod(generator, logger)],
    },
    part.noQueryApi,
    part.plainAdmin,
  ],
  alive: [OVERRIDES, CLUSTER, METRICS_GENERATOR, RPC_SERVER],
  services: (runtime: Runtime, overrides: Overrides, cluster: Cluster, generator: MetricsGenerator, rpc: RpcServer) => [
    overrides,
    cluster.service,
    generatorService(runtime, generator),
    rpcService(rpc),
    cluster.metricsGenerator(),
  ],
};

const gateway: Role = {
  providers: [
    ...base,
    noPages,
    {
      provide: GATEWAY,
      inject: [RUNTIME],
      useFactory: ({ config, env, logger, metrics, clock }: Runtime) =>
        createGateway({ config: config.gateway, apiPrefix: config.httpApiPrefix, env, timers: systemTimers, clock, logger, metrics }),
    },
    part.noQueryApi,
    noMethods,
    part.plainAdmin,
  ],
  alive: [OVERRIDES, GATEWAY],
  services: ({ config, logger }: Runtime, overrides: Overrides, door: Gateway) => [
    overrides,
    {
      name: 'gateway',
      async start() {
        await door.start();
        logger.info('the gateway listens', door.ports);
      },
      stop: () => door.stop(config.server.gracefulShutdownTimeoutMs * OPEN_REQUESTS_SHARE),
    },
  ],
};

/** Of the graceful stop: what open requests may take. */
const OPEN_REQUESTS_SHARE = 0.9;

export const ROLES: Readonly<Record<string, Role>> = {
  all,
  distributor,
  ingester,
  querier,
  'query-frontend': queryFrontend,
  compactor,
  'metrics-generator': metricsGenerator,
  gateway,
};

function compactorService(compactor: Compactor): Service {
  return { name: 'compactor', start: () => compactor.start(), stop: () => compactor.stop() };
}

function showClients({ metrics }: Runtime, name: string, count: () => number): void {
  const clients = metrics.gauge(name, 'Processes of a ring that this one has connected to.');
  metrics.onCollect(() => clients.set(count()));
}

const INGESTERS_WAIT_MS = 10_000;

/** A distributor takes spans once it has heard of enough ingesters; after a while in any case, and asks its senders to come back: they see that it is there. */
function enoughIngesters({ ingesters }: Cluster, logger: Logger): Service {
  return {
    name: 'ingesters-known',
    async start(signal) {
      const view = () => ingesters.view();
      const isEnough = (): boolean => view().active >= view().quorum;
      for (let waitedMs = 0; !isEnough() && waitedMs < INGESTERS_WAIT_MS && !signal.aborted; waitedMs += 100)
        await delay(100, undefined, { signal }).catch(() => undefined);
      if (!isEnough()) logger.warn('too few ingesters are known, spans will be refused', { want: view().quorum });
    },
    stop: async () => undefined,
  };
}

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
