import net from 'node:net';
import type { Network } from '@vivace/config';

export interface Client {
  /** For logs, without a port. */
  readonly address: string;
  /** What failures are counted by: an IPv6 customer has a whole /64. */
  readonly limitKey: string;
  /** `X-Forwarded-For` for the next server. */
  readonly forwardedFor: string;
}

/** Tells where requests come from. Only what trusted proxies say of others counts: the last address in the list that is not one of theirs. */
export function createClientAddress(trusted: readonly Network[]): (peer: string | undefined, forwardedFor: string | undefined) => Client {
  const proxies = new net.BlockList();
  for (const { address, prefix, family } of trusted) proxies.addSubnet(address, prefix, family);
  const isTrusted = (address: string): boolean => net.isIP(address) !== 0 && proxies.check(address, net.isIPv6(address) ? 'ipv6' : 'ipv4');
  return (peer, forwardedFor) => {
    const from = plain(peer ?? '');
    if (forwardedFor === undefined || !isTrusted(from)) return { address: from, limitKey: limitKey(from), forwardedFor: from };
    const hops = forwardedFor.split(',').map((hop) => plain(hop.trim()));
    const address = hops.findLast((hop) => !isTrusted(hop)) ?? hops[0];
    return { address, limitKey: limitKey(address), forwardedFor: `${forwardedFor}, ${from}` };
  };
}

/** `::ffff:1.2.3.4` is 1.2.3.4. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && net.isIPv4(address.slice(7)) ? address.slice(7) : address;
}

function limitKey(address: string): string {
  if (!net.isIPv6(address)) return address;
  const [head = '', tail] = address.split('%')[0].split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array.from({ length: Math.max(zeros, 0) }, () => '0'), ...after];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
