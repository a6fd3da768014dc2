import { openBlock } from '@vivace/block';
import type { ObjectStore } from '@vivace/object-store';
import { collect } from '@vivace/workers';
import type { TaskContext } from '@vivace/workers';
import { mergeBlocks } from './merge-blocks.ts';
import type { MergeBlocksJob } from './merge-blocks.ts';

/** The compactor's tasks for a worker script. */
export function createCompactorTasks(store: ObjectStore) {
  return {
    mergeBlocks: (job: MergeBlocksJob, { signal, throwIfAborted }: TaskContext) =>
      mergeBlocks(job, {
        open: (meta) => openBlock({ store, tenant: job.tenant, meta, signal }),
        pause() {
          throwIfAborted();
          // The tables of row groups that are used up.
          collect('minor');
        },
        signal,
      }),
  };
}
