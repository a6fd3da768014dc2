import { availableParallelism } from 'node:os';
import type { Config } from '@vivace/config';
import type { Logger, MetricsRegistry } from '@vivace/base';
import { createWorkerPool, workerScript } from '@vivace/workers';
import type { WorkerPool } from '@vivace/workers';
import { toStoreSettings } from './store-settings.ts';
import type { Tasks, WorkerData } from './task-worker.ts';

/** Of the number of CPUs, so that making a block never keeps queries waiting. */
const MIN_THREADS = 2;

export function createPool({ storage, querier, workers }: Config, logger: Logger, metrics: MetricsRegistry): WorkerPool<Tasks> {
  const size = workers.threads || Math.max(MIN_THREADS, availableParallelism());
  const data: WorkerData = {
    store: toStoreSettings(storage),
    blockCache: querier.blockCache,
    columnBytes: Math.floor(querier.columnCacheBytes / size),
  };
  return createWorkerPool<Tasks>({
    script: workerScript(import.meta.url, './task-worker'),
    name: 'worker',
    size,
    maxQueued: workers.maxQueued,
    maxQueuedKey: 'workers.max_queued',
    data,
    metrics,
    onCrash: (error) => logger.error('worker thread died and is replaced', { err: error }),
  });
}
