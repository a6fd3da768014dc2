import type { DynamicModule, Provider } from '@nestjs/common';
import { AppError, parseTenantId } from '@vivace/base';
import type { HttpRouter, TenantId } from '@vivace/base';
import type { BlockList } from '@vivace/blocklist';
import { createBlockList } from '@vivace/blocklist';
import type { Config } from '@vivace/config';
import type { Distributor } from '@vivace/distributor';
import type { Compactor } from '@vivace/compactor';
import { createDistributor } from '@vivace/distributor';
import type { Ingester } from '@vivace/ingester';
import type { Admin, RpcServer } from '@vivace/nest';
import {
  ADMIN,
  AdminController,
  createLifecycle,
  createRpcServer,
  LIFECYCLE,
  METRICS_PAGE,
  MetricsController,
  ReadyController,
  STATUS_PAGES,
  StatusController,
} from '@vivace/nest';
import { observeRequests, openObjectStore } from '@vivace/object-store';
import type { ObjectStore, OpenStore } from '@vivace/object-store';
import { traceToJson, traceToProto } from '@vivace/otlp';
import type { JobSize } from '@vivace/querier';
import { createQuerier } from '@vivace/querier';
import type { QueryService } from '@vivace/query';
import { createQueryApi, createStreamingApi } from '@vivace/query-frontend';
import type { WorkerPool } from '@vivace/workers';
import { createCompaction } from './compaction.ts';
import { openIngester } from './open-ingester.ts';
import { Overrides } from './overrides.ts';
import { createPool } from './pool.ts';
import { Receivers } from './receivers.ts';
import { createRings } from './rings.ts';
import type { Rings } from './rings.ts';
import type { Runtime } from './runtime.ts';
import { services } from './services.ts';
import { createStatusPages } from './status-pages.ts';
import { systemTimers } from './system-timers.ts';
import { tenancyOf } from './tenancy.ts';
import { toStoreSettings } from './store-settings.ts';
import {
  BLOCK_LIST,
  COMPACTOR,
  DISTRIBUTOR,
  INGESTER,
  OVERRIDES,
  PAGES,
  POOL,
  QUERIER,
  QUERY_API,
  RECEIVERS,
  RINGS,
  RPC_SERVER,
  RUNTIME,
  STORE,
} from './tokens.ts';
import { BUILD_INFO } from './version.ts';
import type { Tasks } from './task-worker.ts';

/** The dependency graph of the process. */
export class AppModule {
  /** Throws `unimplemented` for a configuration that asks for another program than this is so far. */
  static of(runtime: Runtime): DynamicModule {
    checkImplemented('target', runtime.config.target, 'all');
    return {
      module: AppModule,
      controllers: [ReadyController, MetricsController, StatusController, AdminController],
      providers: [{ provide: RUNTIME, useValue: runtime }, ...PROVIDERS],
    };
  }
}

function checkImplemented(key: string, value: string, implemented: string): void {
  if (value !== implemented) throw new AppError('unimplemented', `${key} ${value} is not implemented in this version, want ${implemented}`);
}

const RECEIVERS_STOP_MS = 5_000;

function jobSize({ concurrentJobs, targetBytesPerJob }: { readonly concurrentJobs: number; readonly targetBytesPerJob: number }): JobSize {
  return { maxPerQuery: concurrentJobs, targetBytes: targetBytesPerJob };
}

/** How far back queries of tenants may reach. */
function rangeLimits({ queryFrontend: { search, metrics } }: Config, overrides: Overrides) {
  return {
    maxSearchDurationMs: (tenant: TenantId) => overrides.strictest(tenant, (limits) => limits.maxSearchDurationMs, search.maxDurationMs),
    maxMetricsDurationMs: (tenant: TenantId) => overrides.strictest(tenant, (limits) => limits.maxMetricsDurationMs, metrics.maxDurationMs),
  };
}

const PROVIDERS: Provider[] = [
  {
    provide: STORE,
    inject: [RUNTIME],
    useFactory: ({ config: { storage }, metrics }: Runtime): Promise<OpenStore> => openObjectStore(toStoreSettings(storage), observeRequests(metrics)),
  },
  { provide: POOL, inject: [RUNTIME], useFactory: ({ config, logger, metrics }: Runtime) => createPool(config, logger, metrics) },
  {
    provide: OVERRIDES,
    inject: [RUNTIME],
    useFactory: ({ config, env, logger, metrics }: Runtime) => new Overrides({ config: config.overrides, env, logger, metrics }),
  },
  {
    provide: BLOCK_LIST,
    inject: [RUNTIME, STORE],
    useFactory: ({ config: { storage }, clock, logger, metrics }: Runtime, store: ObjectStore) =>
      createBlockList({ store, config: storage.blocklist, buildsIndex: () => true, clock, random: Math.random, logger, metrics }),
  },
  {
    provide: INGESTER,
    inject: [RUNTIME, STORE, POOL, BLOCK_LIST, OVERRIDES],
    useFactory: (runtime: Runtime, store: ObjectStore, pool: WorkerPool<Tasks>, blocks: BlockList, overrides: Overrides) =>
      openIngester({ runtime, store, pool, announce: (meta) => blocks.announce(meta), keepFlushedMs: 0, overrides }),
  },
  {
    provide: DISTRIBUTOR,
    inject: [RUNTIME, OVERRIDES, INGESTER],
    useFactory: ({ config, clock, metrics }: Runtime, overrides: Overrides, ingester: Ingester) =>
      createDistributor({
        multitenancy: config.multitenancyEnabled,
        retryAfterMs: config.distributor.retryAfterMs,
        maxNegativeDurationMs: config.distributor.maxNegativeDurationMs,
        limits(tenant) {
          const limits = overrides.limits(tenant);
          return { ...limits, maxAttributeBytes: limits.maxAttributeBytes || config.distributor.maxAttributeBytes };
        },
        ingester,
        clock,
        metrics,
      }),
  },
  {
    provide: RECEIVERS,
    inject: [RUNTIME, DISTRIBUTOR],
    useFactory: ({ config, logger, shutdown }: Runtime, distributor: Distributor) =>
      new Receivers({
        config: config.receivers,
        distributor,
        logger,
        stopTimeoutMs: RECEIVERS_STOP_MS,
        onFatal(error) {
          logger.error('the receivers have ended', { err: error });
          shutdown('receivers');
        },
      }),
  },
  {
    provide: QUERIER,
    inject: [RUNTIME, INGESTER, BLOCK_LIST, POOL, OVERRIDES],
    useFactory: ({ config, clock, logger, metrics }: Runtime, recent: Ingester, blocks: BlockList, pool: WorkerPool<Tasks>, overrides: Overrides) =>
      createQuerier({
        recent,
        blocks,
        pool,
        threads: pool.stats().size,
        searchJobs: jobSize(config.queryFrontend.search),
        metricsJobs: jobSize(config.queryFrontend.metrics),
        jobLimits: {
          maxRunning: config.querier.maxConcurrentQueries,
          maxPerTenant: config.queryFrontend.maxOutstandingPerTenant,
        },
        maxMetricsSeries: config.querier.maxMetricsSeries,
        maxTagBytes: (tenant) => overrides.strictest(tenant, (limits) => limits.maxBytesPerTagValuesQuery),
        recentWindowMs: config.queryFrontend.search.queryBackendAfterMs,
        searchTimeoutMs: config.querier.searchTimeoutMs,
        traceByIdTimeoutMs: config.querier.traceByIdTimeoutMs,
        extraDelayMs: config.querier.extraDelayMs,
        clock,
        logger,
        metrics,
      }),
  },
  {
    provide: QUERY_API,
    inject: [RUNTIME, OVERRIDES, QUERIER],
    useFactory: ({ config, logger, metrics, clock }: Runtime, overrides: Overrides, service: QueryService) =>
      createQueryApi({
        service,
        codec: { traceToJson, traceToProto },
        config: config.queryFrontend,
        ...rangeLimits(config, overrides),
        buildInfo: BUILD_INFO,
        metrics,
        logger,
        clock,
      }),
  },
  {
    provide: RPC_SERVER,
    inject: [RUNTIME, OVERRIDES, QUERIER],
    useFactory: ({ config, logger, metrics, clock }: Runtime, overrides: Overrides, service: QueryService) =>
      createRpcServer({
        methods: createStreamingApi({
          service,
          config: config.queryFrontend,
          ...rangeLimits(config, overrides),
          timers: systemTimers,
          metrics,
          logger,
          clock,
        }),
        config: config.server.grpc,
        tenancy: tenancyOf(config),
        logger,
        metrics,
        clock,
      }),
  },
  { provide: RINGS, inject: [RUNTIME], useFactory: createRings },
  { provide: PAGES, inject: [RINGS], useFactory: ({ pages }: Rings) => pages },
  { provide: METRICS_PAGE, inject: [RUNTIME], useFactory: ({ metrics }: Runtime) => metrics },
  {
    provide: STATUS_PAGES,
    inject: [RUNTIME, OVERRIDES, QUERY_API],
    useFactory: ({ config }: Runtime, overrides: Overrides, api: HttpRouter) => createStatusPages(config, overrides, api.paths),
  },
  {
    provide: ADMIN,
    inject: [RUNTIME, INGESTER],
    useFactory: ({ shutdown }: Runtime, ingester: Ingester): Admin => ({
      flush(tenant) {
        const id = tenant === undefined ? undefined : parseTenantId(tenant);
        if (tenant !== undefined && id === undefined) throw new AppError('invalid_argument', `tenant id ${JSON.stringify(tenant)} is invalid`);
        return ingester.flush(id);
      },
      shutdown: async () => shutdown('/shutdown'),
    }),
  },
  {
    provide: COMPACTOR,
    inject: [RUNTIME, STORE, BLOCK_LIST, OVERRIDES],
    useFactory: createCompaction,
  },
  {
    provide: LIFECYCLE,
    inject: [RUNTIME, OVERRIDES, POOL, BLOCK_LIST, INGESTER, COMPACTOR, RINGS, RECEIVERS, RPC_SERVER],
    useFactory: (runtime: Runtime, ...parts: [Overrides, WorkerPool<Tasks>, BlockList, Ingester, Compactor, Rings, Receivers, RpcServer]) =>
      createLifecycle({ services: services(runtime, ...parts), logger: runtime.logger, clock: runtime.clock }),
  },
];
