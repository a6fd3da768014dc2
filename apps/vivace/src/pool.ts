import { availableParallelism } from 'node:os';
import type { Config } from '@vivace/config';
import type { Logger } from '@vivace/base';
import { createWorkerPool, workerScript } from '@vivace/workers';
import type { WorkerPool } from '@vivace/workers';
import type { Tasks, WorkerData } from './task-worker.ts';

/** At least two, so that making a block never keeps queries waiting. */
export const POOL_SIZE = Math.max(2, availableParallelism());
/** Tempo's `query_frontend.max_outstanding_per_tenant`. */
const MAX_QUEUED = 2_000;

export function createPool({ storage }: Config, logger: Logger): WorkerPool<Tasks> {
  const data: WorkerData = { storePath: storage.localPath };
  return createWorkerPool<Tasks>({
    script: workerScript(import.meta.url, './task-worker'),
    name: 'worker',
    size: POOL_SIZE,
    maxQueued: MAX_QUEUED,
    data,
    onCrash: (error) => logger.error('worker thread died and is replaced', { err: error }),
  });
}
