export { collect, minorCollections } from './collect.ts';
export { serveTasks, threadMetrics, Transfer, workerStartData } from './serve-tasks.ts';
export type { ServeOptions, TaskContext, TaskHandler, TaskHandlers } from './serve-tasks.ts';
export { startThread, threadRpc } from './service-thread.ts';
export type { ServiceThread } from './service-thread.ts';
export type { Rpc, RpcHandlers } from './thread-rpc.ts';
export { createWorkerPool } from './worker-pool.ts';
export type { PoolStats, Priority, RunOptions, WorkerPool, WorkerPoolOptions } from './worker-pool.ts';
export { workerScript } from './worker-script.ts';
