import { expect, it } from 'vitest';
import { bindAddress } from './bind-address.ts';

it.each([
  ['tcp', '', { host: '' }],
  ['tcp', '::1', { host: '::1' }],
  ['tcp4', '', { host: '0.0.0.0' }],
  ['tcp4', '127.0.0.1', { host: '127.0.0.1' }],
  ['tcp6', '', { host: '::', ipv6Only: true }],
  ['tcp6', '::1', { host: '::1', ipv6Only: true }],
] as const)('%s %j is %o', (network, address, want) => {
  expect(bindAddress(network, address)).toEqual(want);
});
