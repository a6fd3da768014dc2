export { serveTasks, Transfer, workerStartData } from './serve-tasks.ts';
export type { TaskContext, TaskHandler, TaskHandlers } from './serve-tasks.ts';
export { createWorkerPool } from './worker-pool.ts';
export type { PoolStats, Priority, RunOptions, WorkerPool, WorkerPoolOptions } from './worker-pool.ts';
export { workerScript } from './worker-script.ts';
