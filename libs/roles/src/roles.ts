// What each process is made of: providers, and what of them has a life of its own, in order of start.
import { allRole } from './roles/all.ts';
import { distributorRole } from './roles/distributor.ts';
import { ingesterRole } from './roles/ingester.ts';
import { querierRole } from './roles/querier.ts';
import { queryFrontendRole } from './roles/query-frontend.ts';
import { compactorRole } from './roles/compactor.ts';
import { metricsGeneratorRole } from './roles/metrics-generator.ts';
import { gatewayRole } from './roles/gateway.ts';
import type { Role } from './roles/role.ts';

export const ROLES: Readonly<Record<string, Role>> = {
  all: allRole,
  distributor: distributorRole,
  ingester: ingesterRole,
  querier: querierRole,
  'query-frontend': queryFrontendRole,
  compactor: compactorRole,
  'metrics-generator': metricsGeneratorRole,
  gateway: gatewayRole,
};
