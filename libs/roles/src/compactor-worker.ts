// Merges blocks, on a thread of its own that lives as long as the job: its memory is gone with it.
import { createCompactorTasks } from '@vivace/compactor';
import { observeRequests, openObjectStore } from '@vivace/object-store';
import type { StoreSettings } from '@vivace/object-store';
import { serveTasks, threadMetrics, workerStartData } from '@vivace/workers';

export type CompactorTasks = ReturnType<typeof createCompactorTasks>;

const settings = workerStartData<StoreSettings>(); // put there by createCompaction
serveTasks(createCompactorTasks(await openObjectStore(settings, observeRequests(threadMetrics()))));
