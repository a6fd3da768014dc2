export { createDistributor } from './distributor.ts';
export type { Distributor, DistributorDeps, PushInfo, PushOutcome } from './distributor.ts';
export type { DistributorLimits, IngesterPort, IngesterRefusals } from './ports.ts';
