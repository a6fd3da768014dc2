import { backendScheduler, backendSchedulerClient, backendWorker, compactor } from './backend.ts';
import { cache } from './cache.ts';
import { memberlist, usageReport } from './cluster.ts';
import { distributor, ingest } from './distributor.ts';
import { gateway } from './gateway.ts';
import { metricsGenerator } from './generator.ts';
import { ingester } from './ingester.ts';
import { blockBuilder, liveStore } from './kafka-path.ts';
import type { Value } from './node.ts';
import { bool, duration, group, on, oneOf, string } from './node.ts';
import { overrides } from './overrides.ts';
import { querier, queryFrontend } from './query.ts';
import { internalServer, server } from './server.ts';
import { generatorClient, ingesterClient, poolClient } from './shared.ts';
import { storage } from './storage.ts';
import { workers } from './workers.ts';

const TARGETS = [
  'all',
  'all-3.0',
  'scalable-single-binary',
  'distributor',
  'ingester',
  'querier',
  'query-frontend',
  'compactor',
  'metrics-generator',
  'metrics-generator-no-local-blocks',
  'block-builder',
  'backend-scheduler',
  'backend-worker',
  'live-store',
  'gateway',
] as const;

/** Every key of Tempo 2.10.8, and ours, which say "(Not in Tempo.)". */
export const rootSchema = group(
  'The configuration file.',
  {
    target: oneOf(TARGETS, 'all', 'The component this process runs; one that does not work yet stops the start.', {
      ...on,
      works: ['all', 'distributor', 'ingester', 'querier', 'query-frontend', 'compactor', 'metrics-generator', 'gateway'],
    }),
    multitenancy_enabled: bool(false, 'Take the tenant from X-Scope-OrgID; otherwise all is one tenant.', {
      ...on,
      flags: ['multitenancy.enabled', 'auth.enabled'],
    }),
    shutdown_delay: duration('0s', 'Time between the stop signal and the end of serving.', on),
    stream_over_http_enabled: bool(true, 'Serve gRPC on the HTTP port too.', on),
    http_api_prefix: string('', 'Prefix of the query API.', on),
    enable_go_runtime_metrics: bool(false, 'There is no Go runtime.', { status: 'ignored' }),
    partition_ring_live_store: bool(false, 'Live stores use their own partition ring.'),
    server,
    internal_server: internalServer,
    distributor,
    ingester_client: ingesterClient(),
    metrics_generator_client: generatorClient(),
    live_store_client: poolClient('live stores'),
    querier,
    query_frontend: queryFrontend,
    compactor,
    ingester,
    metrics_generator: metricsGenerator,
    ingest,
    block_builder: blockBuilder,
    storage,
    workers,
    gateway,
    overrides,
    memberlist,
    usage_report: usageReport,
    cache: cache(),
    backend_scheduler: backendScheduler,
    backend_scheduler_client: backendSchedulerClient,
    backend_worker: backendWorker,
    live_store: liveStore,
  },
  { auth_enabled: 'multitenancy_enabled' },
);

/** All values of a configuration, under their YAML names. */
export type Values = Value<typeof rootSchema>;
