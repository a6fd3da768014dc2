import { describe, expect, it } from 'vitest';
import { resolveTenant } from './tenant.ts';

describe('resolveTenant', () => {
  it('ignores the header when there is one tenant', () => {
    expect(resolveTenant('x|y', false)).toBe('single-tenant');
  });

  it.each([
    ['a', 'a'],
    [' a ', 'a'],
    ['a, a', 'a'],
    ['a,a,', 'a'],
    ['a|a', 'a'],
  ])('%j is tenant %s', (header, tenant) => {
    expect(resolveTenant(header, true)).toBe(tenant);
  });

  it.each([
    [undefined, 'unauthenticated', 'no org id'],
    ['', 'unauthenticated', 'no org id'],
    [' , ', 'unauthenticated', 'no org id'],
    ['a, b', 'invalid_argument', 'header X-Scope-OrgID has 2 different values, want one'],
    ['a|b', 'unimplemented', 'a query over several tenants is not implemented in this version: name one in X-Scope-OrgID'],
    ['../x', 'invalid_argument', 'tenant id "../x" is invalid, want 1 to 150 of A-Z a-z 0-9 ! - _ . * \' ( )'],
    ['..', 'invalid_argument', 'tenant id ".." is invalid, want 1 to 150 of A-Z a-z 0-9 ! - _ . * \' ( )'],
  ])('%j is refused', (header, code, message) => {
    expect(() => resolveTenant(header, true)).toThrow(expect.objectContaining({ code, message }));
  });
});
