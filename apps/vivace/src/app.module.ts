import type { DynamicModule, Provider } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { AppError } from '@vivace/base';
import type { Admin, Service } from '@vivace/nest';
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
import { traceToJson, traceToProto } from '@vivace/otlp';
import type { QueryService } from '@vivace/query';
import { createQueryApi } from '@vivace/query-frontend';
import type { HttpRouter } from '@vivace/base';
import { startProcessMetrics } from '@vivace/telemetry';
import type { Runtime } from './runtime.ts';
import { createStatusPages } from './status-pages.ts';
import { QUERIER, QUERY_API, RUNTIME } from './tokens.ts';
import { BUILD_INFO, VERSION } from './version.ts';

@Module({ controllers: [ReadyController, MetricsController, StatusController, AdminController] })
export class AppModule {
  static of(runtime: Runtime): DynamicModule {
    return { module: AppModule, providers: [{ provide: RUNTIME, useValue: runtime }, ...PROVIDERS] };
  }
}

const PROVIDERS: Provider[] = [
  {
    provide: QUERIER,
    inject: [],
    useFactory: (): QueryService => {
      const refuse = () => Promise.reject(new AppError('unimplemented', 'queries are not wired yet'));
      return { findTrace: refuse, search: refuse, tags: refuse, tagValues: refuse };
    },
  },
  {
    provide: QUERY_API,
    inject: [RUNTIME, QUERIER],
    useFactory: ({ config, logger, metrics, clock }: Runtime, service: QueryService): HttpRouter =>
      createQueryApi({
        service,
        codec: { traceToJson, traceToProto },
        config: config.queryFrontend,
        maxSearchDurationMs: () => config.overrides.defaults.maxSearchDurationMs,
        buildInfo: BUILD_INFO,
        metrics,
        logger,
        clock,
      }),
  },
  { provide: METRICS_PAGE, inject: [RUNTIME], useFactory: ({ metrics }: Runtime) => metrics },
  { provide: STATUS_PAGES, inject: [RUNTIME, QUERY_API], useFactory: ({ config }: Runtime, api: HttpRouter) => createStatusPages(config, api.paths) },
  {
    provide: ADMIN,
    inject: [RUNTIME],
    useFactory: ({ shutdown }: Runtime): Admin => ({ flush: async () => {}, shutdown: async () => shutdown('/shutdown') }),
  },
  {
    provide: LIFECYCLE,
    inject: [RUNTIME],
    useFactory: ({ logger, clock, metrics }: Runtime) => createLifecycle({ services: [processMetrics(metrics)], logger, clock }),
  },
];

function processMetrics(metrics: Runtime['metrics']): Service {
  let stop: (() => void) | undefined;
  return {
    name: 'process-metrics',
    async start() {
      stop = startProcessMetrics(metrics, { version: VERSION, revision: BUILD_INFO.revision, branch: BUILD_INFO.branch });
    },
    async stop() {
      stop?.();
    },
  };
}
