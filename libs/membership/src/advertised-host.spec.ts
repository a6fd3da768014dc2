import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { advertisedHost } from './advertised-host.ts';

const v4 = (address: string, internal = false): NetworkInterfaceInfo => ({ address, internal, family: 'IPv4', netmask: '', mac: '', cidr: null });
const v6 = (address: string): NetworkInterfaceInfo => ({ address, internal: false, family: 'IPv6', netmask: '', mac: '', cidr: null, scopeid: 0 });
const interfaces = { lo: [v4('127.0.0.1', true)], eth0: [v4('169.254.1.1'), v4('10.0.0.5'), v6('fe80::1'), v6('fd00::5')], en0: [v4('10.0.0.6')] };

describe('advertisedHost', () => {
  it.each([
    [{ configured: '1.2.3.4' }, '1.2.3.4'],
    [{}, '10.0.0.5'],
    [{ interfaceNames: ['en0'] }, '10.0.0.6'],
    [{ interfaceNames: ['missing', 'en0'] }, '10.0.0.6'],
    [{ interfaceNames: ['missing'] }, '10.0.0.5'],
    [{ ipv6: true }, 'fd00::5'],
    [{ interfaces: { lo: interfaces.lo } }, '127.0.0.1'],
  ])('of %j is %s', (options, expected) => {
    expect(advertisedHost({ configured: '', interfaceNames: [], ipv6: false, interfaces, ...options })).toBe(expected);
  });
});
