// What runs on worker threads: everything that would hold up the event loop.
import { BlockCache } from '@vivace/block';
import type { BlockCacheConfig } from '@vivace/config';
import { ingesterTasks } from '@vivace/ingester';
import { LocalObjectStore } from '@vivace/object-store';
import { createQueryTasks } from '@vivace/querier';
import type { QueryTasks } from '@vivace/querier';
import { serveTasks, workerStartData } from '@vivace/workers';

/** Given to every thread when it starts. */
export interface WorkerData {
  readonly storePath: string;
  readonly blockCache: BlockCacheConfig;
  /** This thread's share. */
  readonly columnBytes: number;
}

export type Tasks = typeof ingesterTasks & QueryTasks;

const { storePath, blockCache, columnBytes } = workerStartData<WorkerData>(); // put there by createPool
const store = new LocalObjectStore({ path: storePath });
const cache = new BlockCache({ ...blockCache, columnBytes });
const tasks: Tasks = { ...ingesterTasks, ...createQueryTasks({ store, cache, maxOpenBlocks: blockCache.maxOpenBlocks }) };

serveTasks(tasks, { collectAfter: Object.keys(ingesterTasks) });
