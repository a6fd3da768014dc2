import { createMemoryLogger, createMemoryMetrics } from '@vivace/base';
import { beforeEach, describe, expect, it } from 'vitest';
import { Addresses } from './addresses.ts';

let nowMs: number;
let found: Record<string, readonly string[] | undefined>;
let lookups: string[];
const logger = createMemoryLogger();
beforeEach(() => {
  nowMs = 10_000;
  found = { here: ['10.0.0.2', '10.0.0.1', '10.0.0.3'] };
  lookups = [];
});

async function create(...targets: { host: string; port: number; tls: boolean }[]) {
  const metrics = createMemoryMetrics();
  const lookup = async (host: string): Promise<readonly string[]> => {
    lookups.push(host);
    const ips = found[host];
    if (!ips) throw new Error('no such name');
    return ips;
  };
  const addresses = new Addresses({ name: 'ingester', targets, lookup, clock: { now: () => nowMs }, logger, metrics });
  const removed: string[] = [];
  addresses.onRemoved = ({ key }) => removed.push(key);
  await addresses.refresh();
  const pick = (...tried: string[]): string | undefined => addresses.pick(new Set(tried))?.key;
  const state = (name: string): number => (metrics.collect(), metrics.value('vivace_gateway_upstream_addresses', { upstream: 'ingester', state: name }));
  return { addresses, pick, removed, state };
}

const HERE = { host: 'here', port: 1, tls: false };
const [A, B, C] = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'];

describe('Addresses', () => {
  it('gives each in turn, and those not tried yet', async () => {
    const { pick } = await create(HERE);
    expect([pick(), pick(), pick(), pick()]).toEqual([A, B, C, A]);
    expect([pick(B), pick(A, B), pick(A, B, C)]).toEqual([C, C, undefined]);
  });

  it('leaves out what is down, longer each time, unless all are', async () => {
    const { addresses, pick, state } = await create(HERE);
    const fail = (key: string): void =>
      addresses.failed(
        'connect',
        addresses.all.find((address) => address.key === key),
      );
    fail(A);
    expect([pick(), pick(), pick(), state('known'), state('healthy')]).toEqual([B, C, B, 3, 2]);
    nowMs += 1_000;
    expect(state('healthy')).toBe(3);
    fail(A);
    nowMs += 1_999;
    expect(state('healthy')).toBe(2);
    fail(B);
    fail(C);
    expect([pick(), pick(), pick()].sort()).toEqual([A, B, C]);
    for (const address of addresses.all) addresses.succeeded(address);
    expect(state('healthy')).toBe(3);
  });

  it('keeps what it had when a name is gone, and says so once', async () => {
    const { addresses, removed } = await create(HERE, { host: '::1', port: 2, tls: true });
    expect(addresses.all.map(({ key }) => key)).toEqual([A, B, C, '[::1]:2']);
    found = {};
    for (let i = 0; i < 3; i++) await addresses.refresh();
    expect([addresses.all.length, removed]).toEqual([4, []]);
    expect(logger.entries.filter(({ level }) => level === 'warn')).toHaveLength(1);
    found = { here: ['10.0.0.2'] };
    await addresses.refresh();
    expect([addresses.all.length, removed]).toEqual([2, [A, C]]);
    expect(logger.entries.at(-1)).toMatchObject({ level: 'info', msg: 'an upstream can be resolved' });
  });

  it('resolves again when one cannot be reached, but not at every failure', async () => {
    const { addresses } = await create(HERE);
    for (let i = 0; i < 5; i++) addresses.failed('connect', addresses.all[0]);
    expect(lookups).toHaveLength(1);
    nowMs += 1_000;
    addresses.failed('connect', addresses.all[0]);
    await addresses.refresh();
    expect(lookups).toHaveLength(2);
  });

  it('says what it does not know', async () => {
    const { addresses, pick } = await create({ host: 'nowhere', port: 1, tls: false });
    expect([pick(), addresses.unknown().message]).toEqual([undefined, 'upstream ingester: no address is known for nowhere (gateway.upstreams)']);
  });
});
