// What runs on worker threads: everything that would hold up the event loop.
import { BlockCache } from '@vivace/block';
import type { BlockCacheConfig } from '@vivace/config';
import { ingesterTasks } from '@vivace/ingester';
import { observeRequests, openObjectStore } from '@vivace/object-store';
import type { StoreSettings } from '@vivace/object-store';
import { createQueryTasks } from '@vivace/querier';
import type { QueryTasks } from '@vivace/querier';
import { boundGarbage, serveTasks, threadMetrics, workerStartData } from '@vivace/workers';

/** Given to every thread when it starts. */
export interface WorkerData {
  /** Each thread opens a store of its own. */
  readonly store: StoreSettings;
  readonly storeHealth: SharedArrayBuffer;
  readonly blockCache: BlockCacheConfig;
  /** This thread's share. */
  readonly columnBytes: number;
}

const MIB = 1024 * 1024;
/** Of decoded columns, per thread, besides those kept. */
const GARBAGE = { minorBytes: 32 * MIB, majorBytes: 64 * MIB };

export type Tasks = typeof ingesterTasks & QueryTasks;

const { store: storeSettings, storeHealth, blockCache, columnBytes } = workerStartData<WorkerData>(); // put there by createPool
const store = await openObjectStore(storeSettings, observeRequests(threadMetrics()), storeHealth);
const cache = new BlockCache({ ...blockCache, columnBytes });
const tasks: Tasks = { ...ingesterTasks, ...createQueryTasks({ store, cache, maxOpenBlocks: blockCache.maxOpenBlocks, betweenWork: boundGarbage(GARBAGE) }) };

/** A third of the share of a thread at 0: receiving goes on however much there is to search. */
const NICENESS = 5;
/** A block leaves more behind than the next part may wait for. */
const COLLECT_AFTER = { writePart: 'minor', buildBlock: 'major' } as const satisfies Record<keyof typeof ingesterTasks, 'minor' | 'major'>;
serveTasks(tasks, { collectAfter: COLLECT_AFTER, niceness: NICENESS });
