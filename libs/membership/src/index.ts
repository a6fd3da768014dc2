export { advertisedHost } from './advertised-host.ts';
export type { AdvertiseOptions } from './advertised-host.ts';
export type { Delta, Membership, Replicated } from './membership.ts';
export { registerMembershipMetrics } from './membership-metrics.ts';
export { membershipPage } from './membership-page.ts';
export { startMembership } from './start-membership.ts';
export type { MembershipSettings, StartDeps, StartedMembership } from './start-membership.ts';
