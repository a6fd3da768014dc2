import type { RunOptions, WorkerPool } from '@vivace/workers';
import type { QueryTasks } from './query-tasks.ts';

/** Runs the parts of a query: threads of this process, or queriers elsewhere. Where `isElsewhere` was asked for, the result may be a list. */
export type TaskRunner = { readonly run: WorkerPool<QueryTasks>['run'] };

/** Options that matter to any of them. */
export type TaskOptions = Pick<RunOptions, 'signal' | 'affinity'>;
