export { createDistributor } from './distributor.ts';
export type { Distributor, DistributorDeps, PushInfo, PushOutcome } from './distributor.ts';
export { ingesterPushMethod } from './ingester-push.ts';
export type { DistributorLimits, IngesterPort, IngesterRefusals } from './ports.ts';
export { createReplicatedIngester } from './replicated-ingester.ts';
export type { ReplicatedIngesterDeps } from './replicated-ingester.ts';
