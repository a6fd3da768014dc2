import { describe, expect, it } from 'vitest';
import { resolveTenant } from './tenant.ts';

describe('resolveTenant', () => {
  it('ignores the header when there is one tenant', () => {
    expect(resolveTenant('x|y', 'off')).toBe('single-tenant');
  });

  it.each([
    ['a', 'a'],
    [' a ', 'a'],
    ['a, a', 'a'],
    ['a,a,', 'a'],
    ['a|a', 'a'],
    ['b|a|b', 'a|b'],
    ['a|b, a|b', 'a|b'],
  ])('%j is tenant %s', (header, tenant) => {
    expect(resolveTenant(header, 'several')).toBe(tenant);
  });

  it.each([
    [undefined, 'unauthenticated', 'no org id'],
    ['', 'unauthenticated', 'no org id'],
    [' , ', 'unauthenticated', 'no org id'],
    ['a, b', 'invalid_argument', 'header X-Scope-OrgID has 2 different values, want one'],
    ['a|b', 'invalid_argument', 'queries over several tenants are off, set query_frontend.multi_tenant_queries_enabled or name one in X-Scope-OrgID'],
    ['a|', 'invalid_argument', 'tenant id "" is invalid, want 1 to 150 of A-Z a-z 0-9 ! - _ . * \' ( )'],
    ['a|../x', 'invalid_argument', 'tenant id "../x" is invalid, want 1 to 150 of A-Z a-z 0-9 ! - _ . * \' ( )'],
    ['../x', 'invalid_argument', 'tenant id "../x" is invalid, want 1 to 150 of A-Z a-z 0-9 ! - _ . * \' ( )'],
    ['..', 'invalid_argument', 'tenant id ".." is invalid, want 1 to 150 of A-Z a-z 0-9 ! - _ . * \' ( )'],
  ])('%j is refused', (header, code, message) => {
    expect(() => resolveTenant(header, 'one')).toThrow(expect.objectContaining({ code, message }));
  });
});
