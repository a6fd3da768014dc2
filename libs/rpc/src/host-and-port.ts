import { AppError } from '@vivace/base';

/** Of `host:port` or `[host]:port`. */
export function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(':');
  const port = Number(address.slice(at + 1));
  if (at < 1 || !Number.isInteger(port) || port < 1 || port > 0xffff)
    throw new AppError('invalid_argument', `address ${JSON.stringify(address)} is not host:port`);
  return { host: address.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port };
}
