import fs from 'node:fs/promises';
import path from 'node:path';
import { AppError, ConcurrencyLimit, formatGoDuration } from '@vivace/base';
import type { BlockId, ErrorCode, TenantId } from '@vivace/base';
import type { BlockMeta, DedicatedColumn } from '@vivace/block';
import type { ObjectStore } from '@vivace/object-store';
import { writePart } from '@vivace/part';
import type { PartInfo, WritePartOptions } from '@vivace/part';
import { SpanTable } from '@vivace/trace';
import type { SpanTableHandle } from '@vivace/trace';
import { boundGarbage } from '@vivace/workers';
import type { TaskContext, WorkerPool } from '@vivace/workers';
import { buildBlock } from './build-block.ts';
import type { BuildBlockJob, BuildBlockResult } from './build-block.ts';
import type { BuildBlockRequest, BuiltBlock, HeavyWork } from './ports.ts';
import { dropKept, keepParts } from './kept-parts.ts';
import { saveWatermark } from './recover.ts';

type WritePartJob = WritePartOptions & { readonly table: SpanTableHandle };

/** Memory of row groups that are written, not yet collected. */
const BLOCK_GARBAGE = { minorBytes: 2 * 1024 * 1024, majorBytes: 128 * 1024 * 1024 };

/** The ingester's tasks for a worker script. */
export const ingesterTasks = {
  writePart: ({ table, ...options }: WritePartJob): PartInfo => writePart(new SpanTable({}, table), options),
  buildBlock(job: BuildBlockJob, context: TaskContext): BuildBlockResult {
    const boundMemory = boundGarbage(BLOCK_GARBAGE);
    return buildBlock(job, () => {
      context.throwIfAborted();
      // The slices of the row group before, and its pages.
      boundMemory();
    });
  },
};

export interface HeavyWorkDeps {
  readonly pool: Pick<WorkerPool<typeof ingesterTasks>, 'run'>;
  readonly store: ObjectStore;
  readonly partsDir: string;
  /** `<wal.path>/kept`: parts of stored blocks that queries may still ask for. */
  readonly keptDir: string;
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
  const staged: StagedBlocks = new Map();
  return {
    async writePart(request) {
      await fs.mkdir(path.dirname(request.path), { recursive: true });
      return deps.pool.run('writePart', request, { priority: 'background' });
    },
    buildBlock: (request) => flushes.run(() => buildInTime(deps, staged, request)),
    deletePart: (file) => fs.rm(file, { force: true }),
    keepParts: (tenant, blockId, parts) => keepParts(deps.keptDir, tenant, blockId, parts),
    dropKept: (tenant, blockId) => dropKept(deps.keptDir, tenant, blockId),
    saveWatermark: (tenant, watermark) => saveWatermark(deps.partsDir, tenant, watermark),
  };
}

/** A block that is made and not in the store yet, or not all of it. */
interface StagedBlock {
  readonly blockId: BlockId;
  readonly dir: string;
  readonly meta: BlockMeta;
  readonly parts: readonly string[];
  /** Names of the files still to be put, in order; the last makes the block visible. */
  readonly files: string[];
}

/** One a tenant: a tenant makes one block at a time, and none while there is one to be stored. */
type StagedBlocks = Map<TenantId, StagedBlock>;

async function buildInTime(deps: HeavyWorkDeps, staged: StagedBlocks, request: BuildBlockRequest): Promise<BuiltBlock> {
  const signal = AbortSignal.timeout(deps.flushTimeoutMs);
  try {
    return await buildAndStore(deps, staged, request, signal);
  } catch (cause) {
    if (!signal.aborted) throw cause;
    const limit = formatGoDuration(BigInt(Math.round(deps.flushTimeoutMs)) * 1_000_000n);
    throw new AppError('deadline_exceeded', `block ${request.blockId}: not made and stored within ingester.flush_op_timeout ${limit}`, { cause });
  }
}

/**
 * A store that fails costs neither the block that was made nor what is in the store of it: the next try goes on with the next file, under the same
 * id, so that a request whose answer was lost does no harm.
 */
async function buildAndStore(deps: HeavyWorkDeps, staged: StagedBlocks, request: BuildBlockRequest, signal: AbortSignal): Promise<BuiltBlock> {
  const { tenant } = request;
  const block = staged.get(tenant) ?? (await build(deps, request, signal));
  const { blockId, dir, meta, parts, files } = block;
  const cleanUp = (): Promise<void> => fs.rm(dir, { recursive: true, force: true });
  staged.set(tenant, block);
  try {
    for (; files.length > 0; files.shift()) await deps.store.putFile(`${tenant}/${blockId}/${files[0]}`, path.join(dir, files[0]), signal);
  } catch (reason) {
    if (!signal.aborted && !STORE_TROUBLE.has(AppError.from(reason).code)) {
      // Not the store but the staged files are bad: the block is made again, with an id of its own.
      staged.delete(tenant);
      await removeObjects(deps.store, `${tenant}/${blockId}/`).catch(() => undefined); // what stays is not visible
      await cleanUp();
    }
    throw reason;
  }
  staged.delete(tenant);
  return { blockId, parts, traces: meta.totalObjects, sizeBytes: meta.size, announce: () => deps.announce(meta), cleanUp };
}

const STORE_TROUBLE: ReadonlySet<ErrorCode> = new Set(['unavailable', 'deadline_exceeded', 'permission_denied', 'failed_precondition', 'resource_exhausted']);

async function build(deps: HeavyWorkDeps, { tenant, blockId, parts }: BuildBlockRequest, signal: AbortSignal): Promise<StagedBlock> {
  const dir = path.join(deps.stagingDir, tenant, blockId);
  const job: BuildBlockJob = { tenant, blockId, parts, dir, ...deps.block, dedicatedColumns: deps.dedicatedColumns(tenant) };
  const { meta, files } = await deps.pool.run('buildBlock', job, { priority: 'background', signal }).catch(async (reason: unknown) => {
    await fs.rm(dir, { recursive: true, force: true }); // the next try has a block id of its own
    throw reason;
  });
  // Should the process die after the block is live and before the parts are gone, the next start finds here what to remove.
  await writeDurably(path.join(dir, PARTS_FILE), JSON.stringify(parts.map((part) => path.basename(part))));
  return { blockId, dir, meta, parts, files: [...files] };
}

/**
 * Settles what a crash left in the staging folder: where the block had become live its parts are removed, otherwise the half-made
 * block is, and its parts stay to be built again. Call before `recoverParts`.
 */
export async function recoverStaging(deps: Pick<HeavyWorkDeps, 'store' | 'partsDir' | 'stagingDir'>): Promise<void> {
  for (const tenant of await folders(deps.stagingDir)) {
    for (const block of await folders(path.join(deps.stagingDir, tenant))) {
      const dir = path.join(deps.stagingDir, tenant, block);
      const live = await isStored(deps.store, `${tenant}/${block}/`);
      const parts = live ? await readParts(path.join(dir, PARTS_FILE)) : [];
      for (const part of parts) await fs.rm(path.join(deps.partsDir, tenant, part), { force: true });
      if (!live) await removeObjects(deps.store, `${tenant}/${block}/`);
      await fs.rm(dir, { recursive: true, force: true });
    }
  }
}

/** Of a block that is not visible. */
async function removeObjects(store: ObjectStore, prefix: string): Promise<void> {
  for (const object of await store.list(prefix)) await store.delete(object.key);
}

/** Whether a block became live; it may have been merged into another since. */
async function isStored(store: ObjectStore, folder: string): Promise<boolean> {
  return (await store.stat(`${folder}meta.json`)) !== undefined || (await store.stat(`${folder}meta.compacted.json`)) !== undefined;
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
