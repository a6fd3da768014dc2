export { advertisedHost } from './advertised-host.ts';
export type { AdvertiseOptions } from './advertised-host.ts';
export type { Membership } from './membership.ts';
export { registerMembershipMetrics } from './membership-metrics.ts';
export type { Delta, Replicated } from './membership-options.ts';
export { membershipPage } from './membership-page.ts';
export { startMembership } from './start-membership.ts';
export type { MembershipSettings, StartDeps, StartedMembership } from './start-membership.ts';
