import { AppError, createMemoryLogger, silentLogger } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import type { Resolver } from './seeds.ts';
import { resolveSeeds } from './seeds.ts';

const table: Record<string, string[]> = { 'gossip.svc': ['10.0.0.1', 'fd00::1'], 'pod-0.svc': ['10.0.0.7'] };
const found = (host: string): Promise<string[]> => (table[host] ? Promise.resolve(table[host]) : Promise.reject(new AppError('not_found', host)));
const resolver: Resolver = {
  lookup: async (host) => (host === 'localhost' ? ['127.0.0.1'] : found(host)),
  resolve: found,
  resolveSrv: async (name) =>
    name === '_gossip._tcp.svc'
      ? [
          { name: 'pod-0.svc', port: 1_111 },
          { name: 'gone.svc', port: 2_222 },
        ]
      : [],
};

describe('resolveSeeds', () => {
  it.each<[string, string[]]>([
    ['10.1.2.3', ['10.1.2.3 7946']],
    ['10.1.2.3:99', ['10.1.2.3 99']],
    ['fd00::9', ['fd00::9 7946']],
    ['[fd00::9]:99', ['fd00::9 99']],
    ['localhost', ['127.0.0.1 7946']],
    ['dns+gossip.svc:99', ['10.0.0.1 99', 'fd00::1 99']],
    ['dnssrv+_gossip._tcp.svc', ['10.0.0.7 1111']],
    ['dnssrvnoa+_gossip._tcp.svc', ['pod-0.svc 1111', 'gone.svc 2222']],
  ])('resolves %s', async (member, expected) => {
    const addresses = await resolveSeeds([member], 7_946, resolver, silentLogger);
    expect(addresses.map(({ host, port }) => `${host} ${port}`)).toEqual(expected);
  });

  it('leaves out what cannot be resolved, says so, and names nobody twice', async () => {
    const logger = createMemoryLogger();
    const addresses = await resolveSeeds(['gone.svc', 'dnssrv+none', 'a:b:c', 'x:0', '10.0.0.1', 'gossip.svc'], 7_946, resolver, logger);
    expect(addresses.map(({ host }) => host)).toEqual(['10.0.0.1', 'fd00::1']);
    expect(logger.entries.map(({ fields }) => fields['member'])).toEqual(expect.arrayContaining(['gone.svc', 'dnssrv+none', 'a:b:c', 'x:0']));
  });
});
