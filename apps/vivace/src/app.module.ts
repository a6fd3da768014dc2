import type { DynamicModule, Provider } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { AppError, parseTenantId } from '@vivace/base';
import type { HttpRouter } from '@vivace/base';
import type { BlockList } from '@vivace/blocklist';
import { createBlockList } from '@vivace/blocklist';
import type { Distributor } from '@vivace/distributor';
import { createDistributor } from '@vivace/distributor';
import type { Ingester } from '@vivace/ingester';
import type { Admin } from '@vivace/nest';
import {
  ADMIN,
  AdminController,
  createLifecycle,
  LIFECYCLE,
  METRICS_PAGE,
  MetricsController,
  ReadyController,
  STATUS_PAGES,
  StatusController,
} from '@vivace/nest';
import type { ObjectStore } from '@vivace/object-store';
import { LocalObjectStore } from '@vivace/object-store';
import { traceToJson, traceToProto } from '@vivace/otlp';
import { createQuerier } from '@vivace/querier';
import type { QueryService } from '@vivace/query';
import { createQueryApi } from '@vivace/query-frontend';
import type { WorkerPool } from '@vivace/workers';
import { openIngester } from './open-ingester.ts';
import { Overrides } from './overrides.ts';
import { createPool, POOL_SIZE } from './pool.ts';
import { Receivers } from './receivers.ts';
import type { Runtime } from './runtime.ts';
import { services } from './services.ts';
import { createStatusPages } from './status-pages.ts';
import { BLOCK_LIST, DISTRIBUTOR, INGESTER, OVERRIDES, POOL, QUERIER, QUERY_API, RECEIVERS, RUNTIME, STORE } from './tokens.ts';
import { BUILD_INFO } from './version.ts';
import type { Tasks } from './task-worker.ts';

/** The dependency graph of the process. */
@Module({ controllers: [ReadyController, MetricsController, StatusController, AdminController] })
export class AppModule {
  static of(runtime: Runtime): DynamicModule {
    return { module: AppModule, providers: [{ provide: RUNTIME, useValue: runtime }, ...PROVIDERS] };
  }
}

const RECEIVERS_STOP_MS = 5_000;

const PROVIDERS: Provider[] = [
  {
    provide: STORE,
    inject: [RUNTIME],
    useFactory: ({ config: { storage } }: Runtime): ObjectStore => {
      if (storage.backend === 'local') return new LocalObjectStore({ path: storage.localPath });
      throw new AppError('unimplemented', `storage.trace.backend ${storage.backend} is not implemented in this version, want local`);
    },
  },
  { provide: POOL, inject: [RUNTIME], useFactory: ({ config, logger }: Runtime) => createPool(config, logger) },
  { provide: OVERRIDES, inject: [RUNTIME], useFactory: ({ config, env, logger }: Runtime) => new Overrides({ config: config.overrides, env, logger }) },
  {
    provide: BLOCK_LIST,
    inject: [RUNTIME, STORE],
    useFactory: ({ config: { storage }, clock, logger, metrics }: Runtime, store: ObjectStore) =>
      createBlockList({ store, pollMs: storage.blocklistPollMs, concurrency: storage.blocklistPollConcurrency, clock, logger, metrics }),
  },
  {
    provide: INGESTER,
    inject: [RUNTIME, STORE, POOL, BLOCK_LIST, OVERRIDES],
    useFactory: (runtime: Runtime, store: ObjectStore, pool: WorkerPool<Tasks>, blocks: BlockList, overrides: Overrides) =>
      openIngester({ runtime, store, pool, blocks, overrides }),
  },
  {
    provide: DISTRIBUTOR,
    inject: [RUNTIME, OVERRIDES, INGESTER],
    useFactory: ({ config, clock, metrics }: Runtime, overrides: Overrides, ingester: Ingester) =>
      createDistributor({
        multitenancy: config.multitenancyEnabled,
        retryAfterMs: config.distributor.retryAfterMs,
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
    inject: [RUNTIME, INGESTER, BLOCK_LIST, POOL],
    useFactory: ({ config, clock }: Runtime, recent: Ingester, blocks: BlockList, pool: WorkerPool<Tasks>) =>
      createQuerier({
        recent,
        blocks,
        pool,
        jobsPerQuery: 2 * POOL_SIZE,
        recentWindowMs: config.queryFrontend.search.queryBackendAfterMs,
        searchTimeoutMs: config.querier.searchTimeoutMs,
        traceByIdTimeoutMs: config.querier.traceByIdTimeoutMs,
        clock,
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
        maxSearchDurationMs: (tenant) => overrides.limits(tenant).maxSearchDurationMs,
        buildInfo: BUILD_INFO,
        metrics,
        logger,
        clock,
      }),
  },
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
    provide: LIFECYCLE,
    inject: [RUNTIME, OVERRIDES, POOL, BLOCK_LIST, INGESTER, RECEIVERS],
    useFactory: (runtime: Runtime, ...parts: [Overrides, WorkerPool<Tasks>, BlockList, Ingester, Receivers]) =>
      createLifecycle({ services: services(runtime, ...parts), logger: runtime.logger, clock: runtime.clock }),
  },
];
