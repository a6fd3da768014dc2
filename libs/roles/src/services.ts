import type { BlockList } from '@vivace/blocklist';
import type { Compactor } from '@vivace/compactor';
import type { GeneratorForwarder } from '@vivace/distributor';
import type { Ingester } from '@vivace/ingester';
import type { MetricsGenerator } from '@vivace/metrics-generator';
import type { RpcServer, Service } from '@vivace/nest';
import { startProcessMetrics } from '@vivace/telemetry';
import type { WorkerPool } from '@vivace/workers';
import type { Runtime } from './runtime.ts';
import { BUILD_INFO, VERSION } from './version.ts';
import type { Tasks } from './task-worker.ts';

/** How long open streams may take to finish. */
const STREAMS_STOP_MS = 5_000;

export function rpcService(rpc: RpcServer): Service {
  return { name: 'grpc', start: () => rpc.listen(), stop: () => rpc.stop(STREAMS_STOP_MS) };
}

/** Of the graceful stop: what flushing may take, so that what follows it has time too. */
const FLUSH_SHARE = 0.8;

export function ingesterService({ config }: Runtime, ingester: Ingester): Service {
  return {
    name: 'ingester',
    start: (signal) => ingester.start(signal),
    stop: () => ingester.stop(AbortSignal.timeout(config.server.gracefulShutdownTimeoutMs * FLUSH_SHARE)),
  };
}

/** Of the graceful stop: what it may take until metrics-generators have what waits for them, and until they are done with it. */
const FORWARD_SHARE = 0.1;

export function forwarderService({ config }: Runtime, forwarder: GeneratorForwarder): Service {
  return {
    name: 'forwarder',
    start: async () => undefined,
    stop: () => forwarder.stop(AbortSignal.timeout(config.server.gracefulShutdownTimeoutMs * FORWARD_SHARE)),
  };
}

export function generatorService({ config }: Runtime, generator: MetricsGenerator): Service {
  return {
    name: 'metrics-generator',
    start: async () => generator.start(),
    stop: () => generator.stop(AbortSignal.timeout(config.server.gracefulShutdownTimeoutMs * FORWARD_SHARE)),
  };
}

export function blockListService(blocks: BlockList): Service {
  return { name: 'block-list', start: (signal) => blocks.start(signal), stop: () => blocks.stop() };
}

/** Threads start with the pool; by now nobody waits for what they do. */
export function poolService(pool: WorkerPool<Tasks>): Service {
  return { name: 'workers', start: async () => undefined, stop: () => pool.stop(AbortSignal.abort()) };
}

export function processMetrics({ metrics }: Runtime): Service {
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

export function compactorService(compactor: Compactor): Service {
  return { name: 'compactor', start: () => compactor.start(), stop: () => compactor.stop() };
}
