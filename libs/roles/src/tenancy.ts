import type { Config } from '@vivace/config';
import type { Tenancy } from '@vivace/nest';

/** Whose data a query may ask for. */
export function tenancyOf({ multitenancyEnabled, queryFrontend }: Config): Tenancy {
  if (!multitenancyEnabled) return 'off';
  return queryFrontend.multiTenantQueries ? 'several' : 'one';
}
