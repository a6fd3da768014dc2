export { createHeavyWork, ingesterTasks, recoverStaging } from './heavy-work.ts';
export type { HeavyWorkDeps } from './heavy-work.ts';
export { createIngester } from './ingester.ts';
export type { Ingester, IngesterDeps } from './ingester.ts';
export type { HeavyWork, IngesterConfig, IngesterMetrics, TenantLimits } from './ports.ts';
export { recoverParts } from './recover.ts';
export type { RecoveredTenant } from './recover.ts';
export type { RecentData, Refusals } from './tenant-ingester.ts';
