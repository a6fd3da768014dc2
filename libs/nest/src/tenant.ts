import { AppError, joinTenants, parseTenantId, SINGLE_TENANT } from '@vivace/base';
import type { TenantId } from '@vivace/base';

/** Whether requests name a tenant, and how many a query may name. */
export type Tenancy = 'off' | 'one' | 'several';

/**
 * The tenant of a request from its `X-Scope-OrgID`, or several, written `a|b`. The same value twice counts once: some versions of Grafana send
 * it twice, and Node joins repeated headers with a comma. Without multi-tenancy the header is ignored.
 */
export function resolveTenant(header: string | undefined, tenancy: Tenancy): TenantId {
  if (tenancy === 'off') return SINGLE_TENANT;
  const values = [...new Set((header ?? '').split(',').map((value) => value.trim()))].filter((value) => value !== '');
  if (values.length === 0) throw new AppError('unauthenticated', 'no org id');
  if (values.length > 1) throw new AppError('invalid_argument', `header X-Scope-OrgID has ${values.length} different values, want one`);
  const tenants = joinTenants(values[0].split('|').map(parseTenant));
  if (tenancy === 'one' && tenants.includes('|'))
    throw new AppError(
      'invalid_argument',
      'queries over several tenants are off, set query_frontend.multi_tenant_queries_enabled or name one in X-Scope-OrgID',
    );
  return tenants;
}

function parseTenant(text: string): TenantId {
  const tenant = parseTenantId(text);
  if (tenant !== undefined) return tenant;
  throw new AppError('invalid_argument', `tenant id ${JSON.stringify(text)} is invalid, want 1 to 150 of A-Z a-z 0-9 ! - _ . * ' ( )`);
}
