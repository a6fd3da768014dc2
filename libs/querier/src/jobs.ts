import type { TenantId } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import type { MetricsMode, MetricsRequest, SearchRequest, TagsRequest, TagValuesRequest, TimeRange } from '@vivace/query';
import type { SpanTableHandle } from '@vivace/trace';
import type { IdRange, Share } from './copies/id-range.ts';
import type { TraceDigests } from './copies/trace-digests.ts';

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
  /** The spans that ingesters of other processes hold, in place of tables and parts. */
  readonly isElsewhere?: boolean;
  /** Blocks that the query asks anyway, whatever ingesters still hold of them. */
  readonly covered?: readonly string[];
  /** Blocks cannot be read: `covered` leaves out what ingesters still hold of them, whichever ingester that is. */
  readonly isStoreAway?: boolean;
  /**
   * Spans may lie in several of these places: each is to count once. The job is about this share of the trace ids, or those in `range` where it is known already.
   */
  readonly share?: Share;
  readonly range?: IdRange;
  /** The question is about this time, which is over since long: recent data seldom has anything of it. */
  readonly longAgo?: TimeRange;
  /** Of recent data only these traces, 16 bytes each, all of them in `range`. */
  readonly only?: Uint8Array;
  /** The job is about these traces, 16 bytes each, put together from all these places. */
  readonly united?: Uint8Array;
  /** Not about these, 16 bytes each, ascending: another job of the query is. */
  readonly without?: Uint8Array;
}

/** The sources of a job to which none are given yet. */
export function noSources(tenant: TenantId): JobSources {
  return { tenant, tables: [], parts: [], blocks: [] };
}

export interface SearchJob {
  readonly sources: JobSources;
  readonly request: SearchRequest;
  /** Shared by the jobs of a query: see `SearchOptions.floor`. */
  readonly floor: BigUint64Array;
  /** Span sets of one trace; more is an error. 0 is no limit. */
  readonly maxGroups: number;
}

export interface MetricsJob {
  readonly sources: JobSources;
  readonly request: MetricsRequest;
  readonly mode: MetricsMode;
  readonly maxSeries: number;
}

export interface TagsJob {
  readonly sources: JobSources;
  readonly request: TagsRequest;
}

export interface TagValuesJob {
  readonly sources: JobSources;
  readonly request: TagValuesRequest;
}

/** What is known of the copies that this process has of each trace in `sources.range`: `TraceDigests`. */
export interface DigestsJob {
  readonly sources: JobSources;
}

/** The spans of `sources.only`, as OTLP. */
export interface SpansJob {
  readonly sources: JobSources;
}

/** Which traces in the range other holders are to evaluate, and which to send: a `Choice` each. */
export interface ChooseJob {
  readonly sources: JobSources;
  readonly holders: readonly TraceDigests[];
}

/** The trace ids of `sources.share`. */
export interface RangeJob {
  readonly sources: JobSources;
}

/** Traces of which something is known already: the rest of each lies in blocks that overlap its time. */
export interface KnownTraces {
  /** 16 bytes each, each once. */
  readonly ids: Uint8Array;
  readonly startMs: Float64Array;
  readonly endMs: Float64Array;
}

/** Which traces lie in several places: their ids, 16 bytes each. */
export interface SpreadJob {
  readonly sources: JobSources;
  /** Only these are asked for; all others too when left out, and ids ascend then. */
  readonly traces?: KnownTraces;
  /** How many of these places make several: one, when there is another that is not among them. */
  readonly places: number;
  /** Trace ids that other processes hold, each a place. */
  readonly holders?: readonly Uint8Array[];
}

/** The traces among `sources.only` that recent data has, or all it has in `sources.range`: 16 bytes each, some several times. */
export interface HeldIdsJob {
  readonly sources: JobSources;
}

export interface FindTraceJob {
  readonly sources: JobSources;
  /** 16 bytes. */
  readonly traceId: Uint8Array;
  /** Blocks that cannot be read while the store is away are told of, and not a failure. */
  readonly inPart?: boolean;
  /** Of OTLP, about: spans beyond are left out. 0, or nothing, is no limit. */
  readonly maxBytes?: number;
}

export interface FindTraceResult {
  readonly trace: SpanTableHandle | undefined;
  readonly inspectedBytes: number;
  /** Blocks that could not be read, and why. */
  readonly unread?: { readonly blocks: number; readonly why: string } | undefined;
  /** Spans were left out because the trace is too large. */
  readonly isCut?: boolean;
}

/** Which blocks in the store an ingester still answers for, and will for `forMs`: their ids. */
export interface HeldJob {
  readonly sources: JobSources;
  readonly forMs: number;
}

/** Blocks of one job, and the thread whose cache they belong in. */
export interface BlockJob {
  readonly affinity: number;
  readonly blocks: readonly BlockSlice[];
}

/** A job smaller than this costs more to hand over than to do. */
const MIN_JOB_BYTES = 1_048_576;
/** A block is not divided among threads into parts smaller than this. */
const MIN_PART_BYTES = 4 * 1_048_576;

/**
 * Divides blocks among `threads`, and the share of each into jobs of at most `targetBytes`, but a row group at least. A row group goes to
 * the same thread whatever other blocks there are, so that what a thread decodes and keeps is kept once.
 */
export function divideBlocks(metas: readonly BlockMeta[], targetBytes: number, threads: number): BlockJob[] {
  const total = metas.reduce((sum, meta) => sum + meta.size, 0);
  const busy = Math.min(threads, Math.max(1, Math.ceil(total / MIN_JOB_BYTES)));
  const shares = Array.from({ length: busy }, (): BlockSlice[] => []);
  for (const meta of metas) {
    const groups = meta.totalRecords;
    const parts = Math.min(busy, groups, Math.max(1, Math.ceil(meta.size / MIN_PART_BYTES)));
    const bound = (part: number): number => Math.floor((part * groups) / parts);
    for (let part = 0; part < parts; part++) shares[(hashOf(meta.blockId) + part) % busy].push({ meta, from: bound(part), to: bound(part + 1) });
  }
  const jobs = shares.flatMap((share, affinity) => {
    const bytes = share.reduce((sum, slice) => sum + (slice.to - slice.from) * bytesPerGroup(slice), 0);
    return cutSlices(share, Math.max(1, Math.ceil(bytes / targetBytes))).map((slices, turn) => ({ affinity, turn, blocks: slices }));
  });
  // Threads in turn: one that had to wait for its first job would take another's second.
  return jobs.sort((a, b) => a.turn - b.turn || a.affinity - b.affinity).map(({ affinity, blocks }) => ({ affinity, blocks }));
}

export function wholeSlices(metas: readonly BlockMeta[]): BlockSlice[] {
  return metas.map((meta) => ({ meta, from: 0, to: meta.totalRecords }));
}

/** Whole blocks, each always to the same thread. */
export function wholeBlocks(blocks: readonly BlockMeta[], threads: number): BlockJob[] {
  const shares = Array.from({ length: threads }, (): BlockSlice[] => []);
  for (const meta of blocks) shares[hashOf(meta.blockId) % threads].push({ meta, from: 0, to: meta.totalRecords });
  return shares.map((share, affinity) => ({ affinity, blocks: share })).filter((job) => job.blocks.length > 0);
}

/**
 * Blocks among which a span may lie several times: each job has all of them, and a share of their trace ids. A row group on the edge of two shares is read for both, and one of a small block
 * for many; there are not so many shares that more than twice the bytes are read.
 */
export function shareBlocks(metas: readonly BlockMeta[], targetBytes: number, threads: number): { readonly affinity: number; readonly share: Share }[] {
  const total = metas.reduce((sum, meta) => sum + meta.size, 0);
  const busy = Math.min(threads, Math.max(1, Math.ceil(total / MIN_JOB_BYTES)));
  const wanted = Math.max(busy, Math.ceil(total / targetBytes));
  const onEdge = metas.reduce((sum, meta) => sum + meta.size / Math.max(1, meta.totalRecords), 0);
  const of = Math.max(1, Math.min(wanted, total === 0 ? 1 : Math.floor(1 + total / onEdge)));
  return Array.from({ length: of }, (_, part) => ({ affinity: part % threads, share: { part, of } }));
}

/** Spreads ids over threads. */
export function hashOf(id: string): number {
  let hash = 0;
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) >>> 0;
  return hash;
}

function bytesPerGroup({ meta }: BlockSlice): number {
  return meta.size / Math.max(1, meta.totalRecords);
}

/** At most `count` jobs of about equal bytes, in the order given; slices are cut between row groups. */
function cutSlices(slices: readonly BlockSlice[], count: number): BlockSlice[][] {
  const total = slices.reduce((sum, slice) => sum + (slice.to - slice.from) * bytesPerGroup(slice), 0);
  const target = total / count;
  const jobs: BlockSlice[][] = [];
  let job: BlockSlice[] = [];
  let filled = 0;
  for (const slice of slices) {
    const weight = bytesPerGroup(slice);
    for (let { from } = slice; from < slice.to; ) {
      // At least one row group a step, and the last job takes what is left.
      const room = jobs.length === count - 1 ? slice.to : Math.max(1, Math.round((target - filled) / weight));
      const to = Math.min(slice.to, from + room);
      job.push({ meta: slice.meta, from, to });
      filled += (to - from) * weight;
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
