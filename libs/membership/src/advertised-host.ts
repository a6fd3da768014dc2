import type { NetworkInterfaceInfo } from 'node:os';

export interface AdvertiseOptions {
  /** What the configuration says; empty is to be found out. */
  readonly configured: string;
  /** Interfaces whose address is wanted, the first that has one; when none of them is there, or none is named, any other. */
  readonly interfaceNames: readonly string[];
  readonly ipv6: boolean;
  /** `os.networkInterfaces()` */
  readonly interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;
}

/** The address others reach this machine by: never one of the machine alone, unless it has no other. */
export function advertisedHost({ configured, interfaceNames, ipv6, interfaces }: AdvertiseOptions): string {
  if (configured !== '') return configured;
  const usable = (name: string): NetworkInterfaceInfo | undefined =>
    interfaces[name]?.find(({ family, internal, address }) => !internal && family === (ipv6 ? 'IPv6' : 'IPv4') && !/^(169\.254\.|fe80:)/i.test(address));
  for (const name of [...interfaceNames, ...Object.keys(interfaces)]) {
    const found = usable(name);
    if (found) return found.address;
  }
  return ipv6 ? '::1' : '127.0.0.1';
}
