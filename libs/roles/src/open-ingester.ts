import path from 'node:path';
import type { TenantId } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import type { Limits } from '@vivace/config';
import { createHeavyWork, createIngester, recoverParts, recoverStaging } from '@vivace/ingester';
import type { Ingester } from '@vivace/ingester';
import type { ObjectStore } from '@vivace/object-store';
import { openLog } from '@vivace/wal';
import type { WorkerPool } from '@vivace/workers';
import { createIngesterMetrics, showMemory } from './ingester-metrics.ts';
import { maxLiveTraces } from './max-live-traces.ts';
import type { TraceOwners } from './max-live-traces.ts';
import type { Overrides } from './overrides.ts';
import type { Runtime } from './runtime.ts';
import type { Tasks } from './task-worker.ts';

export interface IngesterParts {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly pool: WorkerPool<Tasks>;
  /** Makes a stored block visible to queries of this process. */
  readonly announce: (meta: BlockMeta) => void;
  /** How long other processes may need to hear of it; 0 where there are none. */
  readonly keepFlushedMs: number;
  readonly overrides: Overrides;
  readonly owners: (tenant: TenantId, limits: Limits) => TraceOwners;
}

/** Takes the log for this process and settles what an earlier run left; replaying the log is the ingester's start. */
export async function openIngester({ runtime, store, pool, announce, keepFlushedMs, overrides, owners }: IngesterParts): Promise<Ingester> {
  const { config, logger, metrics, clock } = runtime;
  const { wal, block } = config.storage;
  const partsDir = path.join(wal.path, 'parts');
  const stagingDir = path.join(wal.path, 'blocks');
  const keptDir = path.join(wal.path, 'kept');
  const log = await openLog({
    dir: wal.path,
    sync: wal.sync,
    syncIntervalMs: wal.syncIntervalMs,
    segmentBytes: wal.segmentBytes,
    maxPendingBytes: wal.maxPendingBytes,
    clock,
    logger,
    metrics,
  });
  try {
    await recoverStaging({ store, partsDir, stagingDir });
    const recovered = await recoverParts(partsDir, keptDir, logger);
    // Had only the log been taken away, its positions would begin again below what the parts remember as saved.
    for (const { watermark } of recovered.values()) log.skipTo(watermark.segment + 1);
    const ingester = createIngester({
      config: { ...config.ingester, partsDir, keepFlushedMs },
      log,
      work: createHeavyWork({
        pool,
        store,
        partsDir,
        stagingDir,
        keptDir,
        block,
        dedicatedColumns(tenant) {
          const { dedicatedColumns: own } = overrides.limits(tenant);
          return own.length > 0 ? own : block.dedicatedColumns;
        },
        // One that waits for a thread would use up its time there.
        concurrentFlushes: Math.min(config.ingester.concurrentFlushes, pool.stats().size - 1),
        flushTimeoutMs: config.ingester.flushTimeoutMs,
        announce,
      }),
      limits(tenant) {
        const limits = overrides.limits(tenant);
        return {
          maxBytesPerTrace: limits.maxBytesPerTrace,
          maxTraces: maxLiveTraces(limits, () => owners(tenant, limits)),
          maxAttributeBytes: limits.maxAttributeBytes || config.distributor.maxAttributeBytes,
        };
      },
      recovered,
      clock,
      logger,
      metrics: createIngesterMetrics(metrics),
    });
    showMemory(ingester, metrics);
    return ingester;
  } catch (reason) {
    await log.close();
    throw reason;
  }
}
