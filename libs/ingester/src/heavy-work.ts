import fs from 'node:fs/promises';
import path from 'node:path';
import { AppError, ConcurrencyLimit, formatGoDuration } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import type { BlockMeta, DedicatedColumn } from '@vivace/block';
import type { ObjectStore } from '@vivace/object-store';
import { writePart } from '@vivace/part';
import type { PartInfo, WritePartOptions } from '@vivace/part';
import { SpanTable } from '@vivace/trace';
import type { SpanTableHandle } from '@vivace/trace';
import { collect } from '@vivace/workers';
import type { TaskContext, WorkerPool } from '@vivace/workers';
import { buildBlock } from './build-block.ts';
import type { BuildBlockJob, BuildBlockResult } from './build-block.ts';
import type { BuildBlockRequest, BuiltBlock, HeavyWork } from './ports.ts';
import { saveWatermark } from './recover.ts';

type WritePartJob = WritePartOptions & { readonly table: SpanTableHandle };

/** The ingester's tasks for a worker script. */
export const ingesterTasks = {
  writePart: ({ table, ...options }: WritePartJob): PartInfo => writePart(new SpanTable({}, table), options),
  buildBlock: (job: BuildBlockJob, context: TaskContext): BuildBlockResult =>
    buildBlock(job, () => {
      context.throwIfAborted();
      // The slices of the row group before.
      collect('minor');
    }),
};

export interface HeavyWorkDeps {
  readonly pool: Pick<WorkerPool<typeof ingesterTasks>, 'run'>;
  readonly store: ObjectStore;
  readonly partsDir: string;
  /** `<wal.path>/blocks`: where blocks are made before they go to the store. */
  readonly stagingDir: string;
  readonly block: {
    readonly bloomFalsePositive: number;
    readonly bloomShardBytes: number;
    readonly rowGroupBytes: number;
    readonly rowGroupSpans: number;
    readonly chooseDedicatedColumns: boolean;
  };
  readonly dedicatedColumns: (tenant: TenantId) => readonly DedicatedColumn[];
  /** Blocks made and stored at a time (`ingester.concurrent_flushes`). */
  readonly concurrentFlushes: number;
  /** Longest time for one (`ingester.flush_op_timeout`). */
  readonly flushTimeoutMs: number;
  /** Tells the block list of a block that is in the store. */
  readonly announce: (meta: BlockMeta) => void;
}

const PARTS_FILE = 'parts.json';

/** Binds the ingester's heavy work to worker threads and the object store. */
export function createHeavyWork(deps: HeavyWorkDeps): HeavyWork {
  const flushes = new ConcurrencyLimit(deps.concurrentFlushes);
  return {
    async writePart(request) {
      await fs.mkdir(path.dirname(request.path), { recursive: true });
      return deps.pool.run('writePart', request, { priority: 'background' });
    },
    buildBlock: (request) => flushes.run(() => buildInTime(deps, request)),
    deletePart: (file) => fs.rm(file, { force: true }),
    saveWatermark: (tenant, watermark) => saveWatermark(deps.partsDir, tenant, watermark),
  };
}

async function buildInTime(deps: HeavyWorkDeps, request: BuildBlockRequest): Promise<BuiltBlock> {
  const signal = AbortSignal.timeout(deps.flushTimeoutMs);
  try {
    return await buildAndStore(deps, request, signal);
  } catch (cause) {
    if (!signal.aborted) throw cause;
    const limit = formatGoDuration(BigInt(Math.round(deps.flushTimeoutMs)) * 1_000_000n);
    throw new AppError('deadline_exceeded', `block ${request.blockId}: not made and stored within ingester.flush_op_timeout ${limit}`, { cause });
  }
}

async function buildAndStore(deps: HeavyWorkDeps, { tenant, blockId, parts }: BuildBlockRequest, signal: AbortSignal): Promise<BuiltBlock> {
  const dir = path.join(deps.stagingDir, tenant, blockId);
  const cleanUp = (): Promise<void> => fs.rm(dir, { recursive: true, force: true });
  const job: BuildBlockJob = { tenant, blockId, parts, dir, ...deps.block, dedicatedColumns: deps.dedicatedColumns(tenant) };
  const { meta, files } = await deps.pool.run('buildBlock', job, { priority: 'background', signal }).catch(async (reason: unknown) => {
    await cleanUp(); // the next try has a block id of its own
    throw reason;
  });
  // Should the process die after the block is live and before the parts are gone, the next start finds here what to remove.
  await writeDurably(path.join(dir, PARTS_FILE), JSON.stringify(parts.map((part) => path.basename(part))));
  for (const name of files) await deps.store.putFile(`${tenant}/${blockId}/${name}`, path.join(dir, name), signal);
  return { blockId, traces: meta.totalObjects, sizeBytes: meta.size, announce: () => deps.announce(meta), cleanUp };
}

/**
 * Settles what a crash left in the staging folder: where the block had become live its parts are removed, otherwise the half-made
 * block is, and its parts stay to be built again. Call before `recoverParts`.
 */
export async function recoverStaging(deps: Pick<HeavyWorkDeps, 'store' | 'partsDir' | 'stagingDir'>): Promise<void> {
  for (const tenant of await folders(deps.stagingDir)) {
    for (const block of await folders(path.join(deps.stagingDir, tenant))) {
      const dir = path.join(deps.stagingDir, tenant, block);
      const live = (await deps.store.stat(`${tenant}/${block}/meta.json`)) !== undefined;
      const parts = live ? await readParts(path.join(dir, PARTS_FILE)) : [];
      for (const part of parts) await fs.rm(path.join(deps.partsDir, tenant, part), { force: true });
      if (!live) for (const object of await deps.store.list(`${tenant}/${block}/`)) await deps.store.delete(object.key);
      await fs.rm(dir, { recursive: true, force: true });
    }
  }
}

async function folders(dir: string): Promise<string[]> {
  await fs.mkdir(dir, { recursive: true });
  return (await fs.readdir(dir, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function readParts(file: string): Promise<string[]> {
  const names = JSON.parse(await fs.readFile(file, 'utf8')) as unknown;
  return Array.isArray(names) ? names.filter((name): name is string => typeof name === 'string' && path.basename(name) === name) : [];
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await fs.open(file, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
