import { isIP } from 'node:net';
import { promises as dns } from 'node:dns';
import { AppError } from '@vivace/base';
import type { Logger } from '@vivace/base';
import type { Address } from './message.ts';

/** Name service as joining needs it; every function rejects when there is no answer. */
export interface Resolver {
  /** As the system resolves names (files, DNS): IP addresses. */
  lookup(host: string): Promise<readonly string[]>;
  /** A and AAAA records alone. */
  resolve(host: string): Promise<readonly string[]>;
  resolveSrv(name: string): Promise<readonly { readonly name: string; readonly port: number }[]>;
}

export const systemResolver: Resolver = {
  lookup: async (host) => (await dns.lookup(host, { all: true })).map(({ address }) => address),
  resolve: async (host) => {
    const answers = await Promise.allSettled([dns.resolve4(host), dns.resolve6(host)]);
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (found.length === 0) throw new AppError('not_found', `${host} has no A or AAAA records`);
    return found;
  },
  resolveSrv: (name) => dns.resolveSrv(name),
};

const MAX_SEEDS = 512;

/**
 * The addresses behind `memberlist.join_members`, each once: `host` and `host:port` by the system's resolver, `dns+host[:port]` by A and AAAA records, `dnssrv+name` by
 * SRV records and the addresses of their targets, `dnssrvnoa+name` by SRV records alone. A name that cannot be resolved is logged and left out.
 */
export async function resolveSeeds(members: readonly string[], defaultPort: number, resolver: Resolver, logger: Logger): Promise<Address[]> {
  const lists = await Promise.all(
    members.map((member) =>
      resolveMember(member, defaultPort, resolver).catch((reason: unknown) => {
        logger.warn('gossip cannot resolve a seed', { member, err: reason });
        return [];
      }),
    ),
  );
  const unique = new Map(lists.flat().map((address) => [`${address.host} ${address.port}`, address]));
  return [...unique.values()].slice(0, MAX_SEEDS);
}

async function resolveMember(member: string, defaultPort: number, resolver: Resolver): Promise<Address[]> {
  const match = /^(?:(dns|dnssrv|dnssrvnoa)\+)?(.+)$/.exec(member);
  const kind = match?.[1];
  const { host, port } = parseHostPort(match?.[2] ?? '', defaultPort);
  if (kind === undefined || kind === 'dns') {
    if (isIP(host) !== 0) return [{ host, port }];
    const hosts = kind === 'dns' ? await resolver.resolve(host) : await resolver.lookup(host);
    return hosts.map((address) => ({ host: address, port }));
  }
  const targets = await resolver.resolveSrv(host);
  if (kind === 'dnssrvnoa') return targets.map((target) => ({ host: target.name, port: target.port }));
  const lists = await Promise.allSettled(
    targets.map(async (target) => (await resolver.resolve(target.name)).map((address) => ({ host: address, port: target.port }))),
  );
  const found = lists.flatMap((list) => (list.status === 'fulfilled' ? list.value : []));
  if (found.length === 0) throw new AppError('not_found', `no target of ${host} has an address`);
  return found;
}

/** `host`, `host:port`, `[v6]:port`, `v6`. Throws AppError `invalid_argument`. */
function parseHostPort(text: string, defaultPort: number): Address {
  if (isIP(text) === 6) return { host: text, port: defaultPort };
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port > 65_535 || port === 0) throw new AppError('invalid_argument', `"${text}" is not a host with or without a port`);
  return { host, port };
}
