import type { WorkerPool } from '@vivace/workers';
import type { QueryTasks } from './query-tasks.ts';

/** Runs the parts of a query: threads of this process, or queriers elsewhere. */
export type TaskRunner = { readonly run: WorkerPool<QueryTasks>['run'] };
