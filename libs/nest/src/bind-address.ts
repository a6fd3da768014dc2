import type { ListenNetwork } from '@vivace/config';

export interface BindAddress {
  /** Empty is all there are. */
  readonly host: string;
  readonly ipv6Only?: boolean;
}

/** Where a server listens; an empty `address` is all of its network. */
export function bindAddress(network: ListenNetwork, address: string): BindAddress {
  if (network === 'tcp4') return { host: address || '0.0.0.0' };
  if (network === 'tcp6') return { host: address || '::', ipv6Only: true };
  return { host: address };
}
