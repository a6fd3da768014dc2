import { AppError, parseTenantId, SINGLE_TENANT } from '@vivace/base';
import type { TenantId } from '@vivace/base';

/** The tenant a push belongs to, from its `X-Scope-OrgID`; without multi-tenancy the header is not looked at. */
export function resolveTenant(header: string | undefined, multitenancy: boolean): TenantId {
  if (!multitenancy) return SINGLE_TENANT;
  if (header === undefined || header === '') throw new AppError('unauthenticated', 'no org id');
  const tenant = parseTenantId(header);
  if (tenant === undefined) {
    throw new AppError(
      'invalid_argument',
      `tenant ${JSON.stringify(header.slice(0, 160))} in X-Scope-OrgID is not valid: want 1 to 150 of letters, digits and !-_.*'(), and one tenant only`,
    );
  }
  return tenant;
}
