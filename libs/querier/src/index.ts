export { createQuerier } from './querier.ts';
export type { BlockSource, JobSize, QuerierDeps, RecentSource } from './querier.ts';
export { createQueryTasks } from './query-tasks.ts';
export type { QueryTasks, QueryTasksDeps } from './query-tasks.ts';
