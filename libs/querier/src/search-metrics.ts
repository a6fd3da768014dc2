import type { BlockMeta } from '@vivace/block';
import type { SearchMetrics } from '@vivace/query';

/** What a completed job, or one process of several that did it, has read. */
export interface Inspected {
  readonly inspectedTraces?: number;
  readonly inspectedSpans: number;
  readonly inspectedBytes: number;
}

/** The `metrics` of an answer: of `totalJobs` jobs over `blocks`, `completedJobs` are done and have read so much. Zeros are left out. */
export function searchMetrics(blocks: readonly BlockMeta[], completed: readonly Inspected[], completedJobs: number, totalJobs: number): SearchMetrics {
  let [traces, spans, bytes, blockBytes] = [0, 0, 0, 0];
  for (const done of completed) {
    traces += done.inspectedTraces ?? 0;
    spans += done.inspectedSpans;
    bytes += done.inspectedBytes;
  }
  for (const block of blocks) blockBytes += block.size;
  return {
    ...(traces > 0 && { inspectedTraces: traces }),
    ...(bytes > 0 && { inspectedBytes: String(bytes) }),
    ...(blocks.length > 0 && { totalBlocks: blocks.length }),
    ...(completedJobs > 0 && { completedJobs }),
    ...(totalJobs > 0 && { totalJobs }),
    ...(blockBytes > 0 && { totalBlockBytes: String(blockBytes) }),
    ...(spans > 0 && { inspectedSpans: String(spans) }),
  };
}
