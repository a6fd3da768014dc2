import path from 'node:path';
import type { BlockList } from '@vivace/blocklist';
import { createCompactor, openStaging } from '@vivace/compactor';
import type { Compactor } from '@vivace/compactor';
import type { ObjectStore } from '@vivace/object-store';
import { createWorkerPool, workerScript } from '@vivace/workers';
import type { CompactorTasks } from './compactor-worker.ts';
import type { Overrides } from './overrides.ts';
import type { Runtime } from './runtime.ts';
import { toStoreSettings } from './store-settings.ts';

/** `owns`: what of jobs and blocks is this process's to do. */
export function createCompaction(
  { config, logger, metrics, clock }: Runtime,
  store: ObjectStore,
  blocks: BlockList,
  overrides: Overrides,
  owns: (name: string) => boolean,
): Compactor {
  const { storage, compactor } = config;
  return createCompactor({
    config: {
      ...compactor,
      bloomFalsePositive: storage.block.bloomFalsePositive,
      bloomShardBytes: storage.block.bloomShardBytes,
      rowGroupSpans: storage.block.rowGroupSpans,
    },
    store,
    blocks,
    staging: openStaging(path.join(storage.wal.path, 'compaction')),
    async merge(job, signal) {
      const pool = createWorkerPool<CompactorTasks>({
        script: workerScript(import.meta.url, './compactor-worker'),
        name: 'compactor',
        size: 1,
        maxQueued: 1,
        maxQueuedKey: 'workers.max_queued',
        data: toStoreSettings(storage),
        metrics,
        onCrash: (error) => logger.error('compaction thread died', { err: error }),
      });
      try {
        return await pool.run('mergeBlocks', job, { signal });
      } finally {
        await pool.stop(AbortSignal.abort());
      }
    },
    owns,
    limits(tenant) {
      const { compactionDisabled, compactionWindowMs, blockRetentionMs, maxBytesPerTrace } = overrides.limits(tenant);
      return { disabled: compactionDisabled, windowMs: compactionWindowMs, retentionMs: blockRetentionMs, maxBytesPerTrace };
    },
    clock,
    logger,
    metrics,
  });
}
