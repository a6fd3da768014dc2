export { createCompactor } from './compactor.ts';
export type { Compactor, CompactorConfig, TenantCompaction } from './compactor.ts';
export { createCompactorTasks } from './compactor-tasks.ts';
export { openStaging } from './staging.ts';
