import dns from 'node:dns/promises';
import net from 'node:net';
import { AppError } from '@vivace/base';

/** All addresses that `host:port`, or several of them with commas between, stand for, each as `address:port`. Throws `unavailable` when a name cannot be resolved. */
export async function lookup(addresses: string): Promise<string[]> {
  const found = await Promise.all(addresses.split(',').map((address) => lookupOne(address.trim())));
  return [...new Set(found.flat())].sort();
}

async function lookupOne(address: string): Promise<string[]> {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[|\]$/g, '');
  const port = address.slice(at + 1);
  if (at <= 0 || !/^\d+$/.test(port)) throw new AppError('invalid_argument', `address ${JSON.stringify(address)} is not host:port`);
  if (net.isIP(host) !== 0) return [address];
  try {
    const found = await dns.lookup(host, { all: true });
    return found.map((entry) => `${entry.family === 6 ? `[${entry.address}]` : entry.address}:${port}`);
  } catch (reason) {
    throw new AppError('unavailable', `name ${host} cannot be resolved: ${(reason as Error).message}`, { cause: reason });
  }
}
