import { describe, expect, it } from 'vitest';
import { createClientAddress } from './client-address.ts';

const clientOf = createClientAddress([
  { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
  { address: 'fd00::', prefix: 8, family: 'ipv6' },
]);

describe('createClientAddress', () => {
  it.each([
    ['1.2.3.4', undefined, '1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '6.6.6.6', '1.2.3.4', '1.2.3.4'],
    ['10.1.1.1', '6.6.6.6', '6.6.6.6', '6.6.6.6, 10.1.1.1'],
    ['::ffff:10.1.1.1', '9.9.9.9, 6.6.6.6, fd00::1, 10.2.2.2', '6.6.6.6', '9.9.9.9, 6.6.6.6, fd00::1, 10.2.2.2, 10.1.1.1'],
    ['10.1.1.1', '10.2.2.2', '10.2.2.2', '10.2.2.2, 10.1.1.1'],
    ['10.1.1.1', 'unknown', 'unknown', 'unknown, 10.1.1.1'],
    [undefined, undefined, '', ''],
  ])('%s, forwarded for %s', (peer, forwarded, address, forwardedFor) => {
    expect(clientOf(peer, forwarded)).toMatchObject({ address, forwardedFor });
  });

  it('counts a /64 as one', () => {
    expect(clientOf('2001:db8:0:1::1', undefined).limitKey).toBe('2001:db8:0:1::/64');
    expect(clientOf('2001:DB8::1:aaaa:bbbb:cccc:dddd', undefined).limitKey).toBe('2001:db8:0:1::/64');
    expect(clientOf('::1', undefined).limitKey).toBe('0:0:0:0::/64');
    expect(clientOf('fe80::1%eth0', undefined).limitKey).toBe('fe80:0:0:0::/64');
  });
});
