// The parts of processes, by symbol tokens; roles choose among them.
import type { Provider } from '@nestjs/common';
import { AppError, parseTenantId } from '@vivace/base';
import type { HttpRouter, RpcMethod, TenantId } from '@vivace/base';
import type { BlockList } from '@vivace/blocklist';
import { createBlockList } from '@vivace/blocklist';
import type { Distributor, GeneratorForwarder, GeneratorPort, IngesterPort } from '@vivace/distributor';
import { createDistributor, createGeneratorForwarder } from '@vivace/distributor';
import type { Ingester } from '@vivace/ingester';
import type { MetricsGenerator } from '@vivace/metrics-generator';
import { createMetricsGenerator } from '@vivace/metrics-generator';
import type { Admin, Page } from '@vivace/nest';
import { ADMIN, createRpcServer, METRICS_PAGE, STATUS_PAGES } from '@vivace/nest';
import type { ObjectStore, OpenStore } from '@vivace/object-store';
import { observeRequests, openObjectStore } from '@vivace/object-store';
import { traceToJson, traceToProto } from '@vivace/otlp';
import type { QueryService } from '@vivace/query';
import { createQueryApi, createStreamingApi } from '@vivace/query-frontend';
import { Overrides } from './overrides.ts';
import { createPool } from './pool.ts';
import { rangeLimits } from './query-parts.ts';
import { Receivers } from './receivers.ts';
import type { Runtime } from './runtime.ts';
import { createStatusPages } from './status-pages.ts';
import { toStoreSettings } from './store-settings.ts';
import { systemTimers } from './system-timers.ts';
import { tenancyOf } from './tenancy.ts';
import {
  BLOCK_LIST,
  DISTRIBUTOR,
  FORWARDER,
  INGESTER,
  METRICS_GENERATOR,
  OVERRIDES,
  PAGES,
  POOL,
  QUERIER,
  QUERY_API,
  RECEIVERS,
  RPC_METHODS,
  RPC_SERVER,
  RUNTIME,
  STORE,
} from './tokens.ts';
import { BUILD_INFO } from './version.ts';

const RECEIVERS_STOP_MS = 5_000;

export const store: Provider = {
  provide: STORE,
  inject: [RUNTIME],
  useFactory: ({ config: { storage }, metrics }: Runtime): Promise<OpenStore> => openObjectStore(toStoreSettings(storage), observeRequests(metrics)),
};

export const pool: Provider = { provide: POOL, inject: [RUNTIME], useFactory: ({ config, logger, metrics }: Runtime) => createPool(config, logger, metrics) };

export const overrides: Provider = {
  provide: OVERRIDES,
  inject: [RUNTIME],
  useFactory: ({ config, env, logger, metrics }: Runtime) => new Overrides({ config: config.overrides, env, logger, metrics }),
};

/** `buildsIndex`, made of the parts named: whether this process writes the index of a tenant now. */
export function blockList(inject: readonly symbol[], buildsIndex: (...parts: never[]) => (tenant: TenantId) => boolean): Provider {
  return {
    provide: BLOCK_LIST,
    inject: [RUNTIME, STORE, ...inject],
    useFactory: ({ config: { storage }, clock, logger, metrics }: Runtime, store: ObjectStore, ...parts: never[]): BlockList =>
      createBlockList({ store, config: storage.blocklist, buildsIndex: buildsIndex(...parts), clock, random: Math.random, logger, metrics }),
  };
}

/** `ingester`: the token of the IngesterPort that gets the spans; `others`, of what knows the other distributors. */
export function distributor(ingester: symbol, others: symbol): Provider {
  return {
    provide: DISTRIBUTOR,
    inject: [RUNTIME, OVERRIDES, ingester, FORWARDER, others],
    useFactory: (
      { config, clock, metrics }: Runtime,
      overrides: Overrides,
      port: IngesterPort,
      forwarder: GeneratorForwarder,
      { rateSharedBy }: { rateSharedBy(): number },
    ): Distributor =>
      createDistributor({
        multitenancy: config.multitenancyEnabled,
        retryAfterMs: config.distributor.retryAfterMs,
        maxNegativeDurationMs: config.distributor.maxNegativeDurationMs,
        limits(tenant) {
          const limits = overrides.limits(tenant);
          return {
            ...limits,
            rateSharedBy: rateSharedBy(),
            maxAttributeBytes: limits.maxAttributeBytes || config.distributor.maxAttributeBytes,
            artificialDelayMs: limits.artificialDelayMs || config.distributor.artificialDelayMs,
          };
        },
        ingester: port,
        forwarder,
        clock,
        timers: systemTimers,
        random: Math.random,
        metrics,
      }),
  };
}

/** `generators`: the token of the GeneratorPort that gets copies of spans. */
export function forwarder(generators: symbol): Provider {
  return {
    provide: FORWARDER,
    inject: [RUNTIME, OVERRIDES, generators],
    useFactory: ({ config, clock, logger, metrics }: Runtime, overrides: Overrides, port: GeneratorPort): GeneratorForwarder =>
      createGeneratorForwarder({
        generators: port,
        limits(tenant) {
          const { processors, forwarder: queue } = overrides.limits(tenant).metricsGenerator;
          return processors.length === 0 ? undefined : { maxWaiting: queue.queueSize, workers: queue.workers };
        },
        maxPendingBytes: config.cluster.metricsGenerators.maxPendingBytes,
        clock,
        logger,
        metrics,
      }),
  };
}

export const metricsGenerator: Provider = {
  provide: METRICS_GENERATOR,
  inject: [RUNTIME, OVERRIDES],
  useFactory: ({ config, clock, logger, metrics }: Runtime, overrides: Overrides): MetricsGenerator =>
    createMetricsGenerator({
      factories: [],
      limits(tenant) {
        const { metricsGenerator: limits, maxAttributeBytes } = overrides.limits(tenant);
        return {
          processors: limits.processors,
          slackMs: limits.slackMs || config.metricsGenerator.slackMs,
          maxAttributeBytes: maxAttributeBytes || config.distributor.maxAttributeBytes,
        };
      },
      maxPendingBytes: config.metricsGenerator.maxPendingBytes,
      clock,
      timers: systemTimers,
      logger,
      metrics,
    }),
};

export const receivers: Provider = {
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
};

export const queryApi: Provider = {
  provide: QUERY_API,
  inject: [RUNTIME, OVERRIDES, QUERIER],
  useFactory: ({ config, logger, metrics, clock }: Runtime, overrides: Overrides, service: QueryService): HttpRouter =>
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
};

/** Of a process that answers no queries itself. */
export const noQueryApi: Provider = { provide: QUERY_API, useValue: { paths: [], find: () => undefined } satisfies HttpRouter };

export function streamingMethods({ config, logger, metrics, clock }: Runtime, overrides: Overrides, service: QueryService): readonly RpcMethod[] {
  return createStreamingApi({ service, config: config.queryFrontend, ...rangeLimits(config, overrides), timers: systemTimers, metrics, logger, clock });
}

export const rpcServer: Provider = {
  provide: RPC_SERVER,
  inject: [RUNTIME, RPC_METHODS],
  useFactory: ({ config, logger, metrics, clock }: Runtime, methods: readonly RpcMethod[]) =>
    createRpcServer({ methods, config: config.server.grpc, tenancy: tenancyOf(config), logger, metrics, clock, timers: systemTimers }),
};

export const statusPages: Provider[] = [
  { provide: METRICS_PAGE, inject: [RUNTIME], useFactory: ({ metrics }: Runtime) => metrics },
  {
    provide: STATUS_PAGES,
    inject: [RUNTIME, OVERRIDES, QUERY_API, PAGES],
    useFactory: ({ config }: Runtime, overrides: Overrides, api: HttpRouter, pages: readonly Page[]) =>
      createStatusPages(config, overrides, [...pages.map(({ path }) => path), ...api.paths.map((path) => config.httpApiPrefix + path)]),
  },
];

export const ingesterAdmin: Provider = {
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
};

/** Of a process that holds no spans. */
export const plainAdmin: Provider = {
  provide: ADMIN,
  inject: [RUNTIME],
  useFactory: ({ config, shutdown }: Runtime): Admin => ({
    async flush() {
      throw new AppError('failed_precondition', `a ${config.target} holds no spans, ask an ingester to flush`);
    },
    shutdown: async () => shutdown('/shutdown'),
  }),
};
