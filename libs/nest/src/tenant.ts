import { AppError, parseTenantId, SINGLE_TENANT } from '@vivace/base';
import type { TenantId } from '@vivace/base';

/**
 * The tenant of a request from its `X-Scope-OrgID`. The same value twice counts once: some versions of Grafana send it twice, and Node joins
 * repeated headers with a comma. Without multi-tenancy the header is ignored.
 */
export function resolveTenant(header: string | undefined, multitenancy: boolean): TenantId {
  if (!multitenancy) return SINGLE_TENANT;
  const values = [...new Set((header ?? '').split(',').map((value) => value.trim()))].filter((value) => value !== '');
  if (values.length === 0) throw new AppError('unauthenticated', 'no org id');
  if (values.length > 1) throw new AppError('invalid_argument', `header X-Scope-OrgID has ${values.length} different values, want one`);
  const tenants = [...new Set(values[0].split('|'))];
  if (tenants.length > 1) throw new AppError('unimplemented', 'a query over several tenants is not implemented in this version: name one in X-Scope-OrgID');
  const tenant = parseTenantId(tenants[0]);
  if (tenant === undefined)
    throw new AppError('invalid_argument', `tenant id ${JSON.stringify(tenants[0])} is invalid, want 1 to 150 of A-Z a-z 0-9 ! - _ . * ' ( )`);
  return tenant;
}
