import { openBlock } from '@vivace/block';
import type { ObjectStore } from '@vivace/object-store';
import { boundGarbage, collect } from '@vivace/workers';
import type { TaskContext } from '@vivace/workers';
import { mergeBlocks } from './merge-blocks.ts';
import type { MergeBlocksJob } from './merge-blocks.ts';

/** Memory that is used up and not yet collected; what is in use is bounded by `mergeBlocks`. */
export const MERGE_GARBAGE = { minorBytes: 8 * 1024 * 1024, majorBytes: 32 * 1024 * 1024 };

/** The compactor's tasks for a worker script. */
export function createCompactorTasks(store: ObjectStore) {
  return {
    async mergeBlocks(job: MergeBlocksJob, { signal, throwIfAborted }: TaskContext) {
      const boundMemory = boundGarbage(MERGE_GARBAGE);
      try {
        return await mergeBlocks(job, {
          open: (meta) => openBlock({ store, tenant: job.tenant, meta, signal }),
          pause() {
            throwIfAborted();
            boundMemory();
          },
          signal,
        });
      } finally {
        // What the writer used, before the next job takes as much.
        collect('major');
      }
    },
  };
}
