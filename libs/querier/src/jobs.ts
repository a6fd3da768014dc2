import type { TenantId } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import type { SearchRequest, TagsRequest, TagValuesRequest } from '@vivace/query';
import type { SpanTableHandle } from '@vivace/trace';

/** Row groups `[from, to)` of a block. */
export interface BlockSlice {
  readonly meta: BlockMeta;
  readonly from: number;
  readonly to: number;
}

/** Where a job reads: plain data that crosses threads (tables by shared memory). */
export interface JobSources {
  readonly tenant: TenantId;
  readonly tables: readonly SpanTableHandle[];
  /** Paths of part files. */
  readonly parts: readonly string[];
  readonly blocks: readonly BlockSlice[];
}

export interface SearchJob {
  readonly sources: JobSources;
  readonly request: SearchRequest;
}

export interface TagsJob {
  readonly sources: JobSources;
  readonly request: TagsRequest;
}

export interface TagValuesJob {
  readonly sources: JobSources;
  readonly request: TagValuesRequest;
}

export interface FindTraceJob {
  readonly sources: JobSources;
  /** 16 bytes. */
  readonly traceId: Uint8Array;
}

export interface FindTraceResult {
  readonly trace: SpanTableHandle | undefined;
  readonly inspectedBytes: number;
}

/** A job smaller than this costs more to hand over than to do. */
const MIN_JOB_BYTES = 1_048_576;
const JOBS_PER_THREAD = 2;

/** Jobs to divide blocks of `totalBytes` into: none larger than `targetBytes`, and enough that no thread idles while others work. */
export function jobCount(totalBytes: number, targetBytes: number, threads: number): number {
  const enough = Math.min(JOBS_PER_THREAD * threads, Math.ceil(totalBytes / MIN_JOB_BYTES));
  return Math.max(1, enough, Math.ceil(totalBytes / targetBytes));
}

/**
 * Divides blocks into at most `count` jobs of about equal row-group bytes, in the order given. A block may be cut between row groups.
 */
export function sliceBlocks(blocks: readonly BlockMeta[], count: number): BlockSlice[][] {
  const weight = (meta: BlockMeta) => meta.size / Math.max(1, meta.totalRecords);
  const total = blocks.reduce((sum, meta) => sum + meta.size, 0);
  const target = total / Math.max(1, count);
  const jobs: BlockSlice[][] = [];
  let job: BlockSlice[] = [];
  let filled = 0;
  for (const meta of blocks) {
    for (let from = 0; from < meta.totalRecords; ) {
      // At least one row group a step, and the last job takes what is left.
      const room = jobs.length === count - 1 ? meta.totalRecords : Math.max(1, Math.round((target - filled) / weight(meta)));
      const to = Math.min(meta.totalRecords, from + room);
      job.push({ meta, from, to });
      filled += (to - from) * weight(meta);
      from = to;
      if (filled >= target * 0.999 && jobs.length < count - 1) {
        jobs.push(job);
        job = [];
        filled = 0;
      }
    }
  }
  if (job.length > 0) jobs.push(job);
  return jobs;
}
