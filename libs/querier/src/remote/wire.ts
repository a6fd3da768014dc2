// What a query frontend and a querier in another process say to each other: plain data in MessagePack, in frames (@vivace/rpc).
import { AppError } from '@vivace/base';
import type { ErrorCode, ErrorReason } from '@vivace/base';
import { decodeInto, traceToProto } from '@vivace/otlp';
import { SpanTable } from '@vivace/trace';
import { parseQuery, printQuery } from '@vivace/traceql';
import type { Query } from '@vivace/traceql';
import type { TaskOptions, TaskRunner } from '../task-runner.ts';
import type {
  ChooseJob,
  DigestsJob,
  FindTraceJob,
  FindTraceResult,
  HeldIdsJob,
  HeldJob,
  JobSources,
  MetricsJob,
  RangeJob,
  SearchJob,
  SpansJob,
  SpreadJob,
  TagsJob,
  TagValuesJob,
} from '../jobs.ts';

/** A querier asks for work: answered by a stream of `FrontendMessage`, one item at a time. */
export const WORK_PATH = '/vivace.v1.Frontend/Work';
/** A part of the result of an item: `ResultPart`. */
export const RESULT_PATH = '/vivace.v1.Frontend/Result';
/** A querier says that it is there, every `ALIVE_MS`: `Work` without items. */
export const ALIVE_PATH = '/vivace.v1.Frontend/Alive';
export const ALIVE_MS = 1_000;

/** Every task by its name: its job, and what crosses the wire as its result. */
export interface RemoteTasks {
  readonly search: SearchJob;
  readonly metrics: MetricsJob;
  readonly tags: TagsJob;
  readonly tagValues: TagValuesJob;
  readonly findTrace: FindTraceJob;
  readonly digests: DigestsJob;
  readonly spans: SpansJob;
  readonly choose: ChooseJob;
  readonly idRange: RangeJob;
  readonly spread: SpreadJob;
  readonly heldIds: HeldIdsJob;
  readonly held: HeldJob;
}

export type TaskName = keyof RemoteTasks;

export interface WorkItem {
  readonly kind: 'item';
  readonly id: string;
  readonly task: TaskName;
  readonly job: unknown;
  /** See `RunOptions`; absent where any thread will do. */
  readonly affinity?: number;
}

export type FrontendMessage = WorkItem | { readonly kind: 'cancel'; readonly id: string };

export interface ResultPart {
  readonly id: string;
  readonly frame: Uint8Array;
}

export type WorkResult = { readonly value: unknown } | { readonly code: ErrorCode; readonly message: string; readonly reason?: ErrorReason | undefined };

/** A runner for tasks that are known only when they come. */
export type RunAny = (task: TaskName, job: RemoteTasks[TaskName], options: TaskOptions) => Promise<unknown>;

export function anyTask(runner: TaskRunner): RunAny {
  return (runner.run as RunAny).bind(runner);
}

/** A job without what only a process of its own can use: tables by memory, a shared floor. A query travels as its text. */
export function packJob(job: RemoteTasks[TaskName]): unknown {
  const { sources } = job;
  const { tables: _tables, parts: _parts, ...plain } = sources;
  const common = { sources: { ...plain, isElsewhere: sources.isElsewhere ?? false, covered: sources.covered ?? [] } };
  if (!('request' in job)) return { ...job, ...common };
  const { floor: _, ...rest } = job as SearchJob;
  const { query } = job.request;
  return { ...rest, ...common, request: { ...job.request, query: query && printQuery(query) } };
}

interface Packed {
  readonly sources: Omit<JobSources, 'tables' | 'parts'>;
  readonly request?: { readonly query?: string };
}

/** The other way. Throws `invalid_argument` when it is no job. */
export function unpackJob(packed: unknown): RemoteTasks[TaskName] {
  const { sources, request, ...rest } = packed as Packed;
  if (!Array.isArray(sources?.blocks) || typeof sources.tenant !== 'string') throw new AppError('invalid_argument', 'work item without sources');
  const job = { ...rest, sources: { ...sources, tables: [], parts: [] }, floor: new BigUint64Array(new SharedArrayBuffer(8)) };
  return (request ? { ...job, request: { ...request, query: queryOf(request.query) } } : job) as unknown as RemoteTasks[TaskName];
}

/** Checked by the frontend already. */
function queryOf(text: string | undefined): Query | undefined {
  return typeof text === 'string' ? parseQuery(text) : undefined;
}

interface PackedTrace {
  readonly trace?: Uint8Array;
  readonly inspectedBytes: number;
  readonly unread?: FindTraceResult['unread'];
}

/** A found trace travels as OTLP; other results are plain data. Of a job that several processes do (`isElsewhere`) it is the list of their results. */
export function packResult(task: TaskName, result: unknown): unknown {
  if (task !== 'findTrace') return result;
  return Array.isArray(result) ? (result as FindTraceResult[]).map(packTrace) : packTrace(result as FindTraceResult);
}

export function unpackResult(task: TaskName, packed: unknown): unknown {
  if (task !== 'findTrace') return packed;
  return Array.isArray(packed) ? (packed as PackedTrace[]).map(unpackTrace) : unpackTrace(packed as PackedTrace);
}

function packTrace({ trace, ...rest }: FindTraceResult): PackedTrace {
  return { ...(trace && { trace: traceToProto(new SpanTable({}, trace), 0) }), ...rest };
}

function unpackTrace({ trace, ...rest }: PackedTrace): FindTraceResult {
  if (!trace) return { trace: undefined, ...rest };
  const table = new SpanTable();
  decodeInto(trace, table, { maxAttributeBytes: 0 }, { cutStrings: 0 });
  return { trace: table.handle(), ...rest };
}
