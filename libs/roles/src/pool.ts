import { availableParallelism } from 'node:os';
import type { Config } from '@vivace/config';
import type { Logger, MetricsRegistry } from '@vivace/base';
import { newStoreHealth } from '@vivace/object-store';
import { createWorkerPool, workerScript } from '@vivace/workers';
import type { WorkerPool } from '@vivace/workers';
import { toStoreSettings } from './store-settings.ts';
import type { Tasks, WorkerData } from './task-worker.ts';

/** Of the number of CPUs, so that making a block never keeps queries waiting. */
const MIN_THREADS = 2;
/** What tasks work on lies in buffers, off the heap: young objects that are let pile up are only memory that the process keeps. */
const YOUNG_MIB = 48;

export function createPool({ storage, querier, workers }: Config, logger: Logger, metrics: MetricsRegistry): WorkerPool<Tasks> {
  const size = workers.threads || Math.max(MIN_THREADS, availableParallelism());
  const data: WorkerData = {
    store: toStoreSettings(storage),
    storeHealth: newStoreHealth(),
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
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    metrics,
    onCrash: (error) => logger.error('worker thread died and is replaced', { err: error }),
  });
}
