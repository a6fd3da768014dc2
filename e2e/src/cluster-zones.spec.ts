import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster, HEARTBEAT_TIMEOUT_MS, NO_LIMITS, zoneOf } from './cluster.ts';
import type { ClusterMember } from './cluster.ts';
import { newTraceId, tracesOf } from './otlp-json.ts';
import { findTrace } from './trace-answer.ts';

// Six ingesters in three zones, tenants on a shard of them and on all, two distributors that share a rate.

const ZONES = ['a', 'b', 'c'];
const SHARDED = 'sharded';
const SPREAD = 'spread';
const SLOW = 'slow';
const SPANS = 3;
const HEAL_MS = 3 * HEARTBEAT_TIMEOUT_MS + 10_000;
/** What ingesters answer for: two blocks' time, and a while after. */
const LOOK_BACK_MS = 2 * 3_000 + 5_000;
const SLOW_RATE = 4_000;

const tenants = (shardSize: number) => ({
  [SHARDED]: { ingestion: { ...NO_LIMITS, tenant_shard_size: shardSize } },
  [SPREAD]: { ingestion: NO_LIMITS },
  [SLOW]: { ingestion: { ...NO_LIMITS, rate_limit_bytes: SLOW_RATE, burst_size_bytes: SLOW_RATE } },
});

let cluster: Cluster;
let frontend: ClusterMember;
beforeAll(async () => {
  cluster = await Cluster.create({
    processes: { ingester: 6, distributor: 2, querier: 1, 'query-frontend': 1, compactor: 1 },
    zones: ZONES,
    // Fewer than there are copies: it counts as three.
    tenants: tenants(2),
    completeBlockTimeoutMs: 5_000,
    settings: (name) => ({
      distributor: { tenant_shard_size_delay: '3s', ring: { instance_id: name, instance_addr: '127.0.0.1', heartbeat_period: '1s' } },
      querier: { shuffle_sharding_ingesters_enabled: true, shuffle_sharding_ingesters_lookback_period: '1s' },
      overrides: { defaults: { ingestion: { rate_strategy: 'global' } }, per_tenant_override_period: '1s' },
    }),
  });
  await cluster.start();
  await Promise.all([cluster.healed(HEAL_MS), cluster.healed(HEAL_MS, 'compactor')]);
  [frontend] = cluster.all('query-frontend');
});
afterAll(async () => {
  await cluster.destroy();
  expect(cluster.errors()).toEqual([]);
});

let nextDoor = 0;

/** Whether it was acknowledged, by one distributor or the other. */
async function push(tenant: string, ids: readonly string[]): Promise<boolean> {
  const doors = cluster.all('distributor');
  const { otlpHttp } = doors[nextDoor++ % doors.length];
  const headers = { 'content-type': 'application/json', 'x-scope-orgid': tenant };
  const response = await fetch(`${otlpHttp}/v1/traces`, { method: 'POST', headers, body: JSON.stringify(tracesOf('shop', ids, SPANS)) });
  const text = await response.text();
  if (response.status === 200) expect(text).toBe('{"partialSuccess":{}}');
  return response.status === 200;
}

async function spansOf(tenant: string, id: string): Promise<number> {
  return (await findTrace(frontend, id, { 'x-scope-orgid': tenant })).length;
}

/** Of a counter by one of its labels, summed over processes. */
async function countsBy(members: readonly ClusterMember[], name: string, label: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const member of members) {
    for (const line of (await member.get('/metrics')).body.split('\n')) {
      const value = line.startsWith(`${name}{`) ? new RegExp(`[{,]${label}="([^"]*)"`).exec(line)?.[1] : undefined;
      if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + Number(line.slice(line.lastIndexOf(' ') + 1)));
    }
  }
  return counts;
}

/** Ingesters whose count grows while `act` goes on. */
async function growing(count: () => Promise<ReadonlyMap<string, number>>, act: () => Promise<unknown>): Promise<string[]> {
  const before = await count();
  await act();
  return [...(await count())]
    .filter(([name, n]) => n > (before.get(name) ?? 0))
    .map(([name]) => name)
    .sort();
}

const appends = () => countsBy(cluster.all('distributor'), 'tempo_distributor_ingester_appends_total', 'ingester');

/** Questions that each running ingester was asked. */
async function questions(): Promise<ReadonlyMap<string, number>> {
  const entries = await Promise.all(
    cluster.running('ingester').map(async (member): Promise<[string, number]> => {
      const byRoute = await countsBy([member], 'tempo_request_duration_seconds_count', 'route');
      return [member.name, byRoute.get('/vivace.v1.Ingester/Query') ?? 0];
    }),
  );
  return new Map(entries);
}

const someIds = (count: number): string[] => Array.from({ length: count }, () => newTraceId());
const names = (role: 'ingester'): string[] => cluster.all(role).map(({ name }) => name);

const writtenTo = (tenant: string): Promise<string[]> => growing(appends, async () => expect(await push(tenant, someIds(40))).toBe(true));
const askedFor = (tenant: string): Promise<string[]> =>
  growing(questions, async () => {
    for (const id of someIds(5)) expect(await spansOf(tenant, id)).toBe(0);
  });

/** Writes to both tenants, and reads what was acknowledged at once and again later, until `during` has ended. Returns what went wrong. */
async function busyDuring(during: Promise<unknown>): Promise<{ readonly wrong: readonly string[]; readonly refused: number; readonly written: number }> {
  let isOver = false;
  const ended = during.finally(() => (isOver = true));
  const known: (readonly [tenant: string, id: string])[] = [];
  const wrong: string[] = [];
  let refused = 0;
  const check = async (tenant: string, id: string): Promise<void> => {
    const found = await spansOf(tenant, id).catch(String);
    if (found !== SPANS) wrong.push(`${new Date().toISOString()} ${tenant} ${id}: ${found}`);
  };
  for (let round = 0; !isOver; round++) {
    const tenant = round % 2 === 0 ? SHARDED : SPREAD;
    const ids = someIds(4);
    if (await push(tenant, ids)) {
      known.push(...ids.map((id) => [tenant, id] as const));
      await Promise.all(ids.map((id) => check(tenant, id)));
    } else refused++;
    for (let i = 0; i < 3 && known.length > 0; i++) await check(...known[Math.floor(Math.random() * known.length)]);
    await sleep(30);
  }
  await ended;
  return { wrong, refused, written: known.length };
}

describe('a tenant on a shard', () => {
  it('has its spans on one ingester of each zone, and others on all', async () => {
    const shard = await writtenTo(SHARDED);
    expect(shard.map((name) => zoneOf(name, ZONES)).sort()).toEqual(ZONES);
    expect(await writtenTo(SPREAD)).toEqual(names('ingester'));
    expect(await writtenTo(SHARDED)).toEqual(shard);
  });

  it('is asked for there, once the ingesters and the sizes are as they are for longer than a look-back', async () => {
    const shard = await writtenTo(SHARDED);
    for (const deadline = Date.now() + 3 * LOOK_BACK_MS; (await askedFor(SHARDED)).length > shard.length && Date.now() < deadline; ) await sleep(1_000);
    expect(await askedFor(SHARDED)).toEqual(shard);
    const ids = someIds(50);
    expect(await push(SHARDED, ids)).toBe(true);
    for (const id of ids) expect(await spansOf(SHARDED, id)).toBe(SPANS);
  });

  it('is found whole while the shard grows, becomes everybody, and shrinks', async () => {
    const { wrong, refused, written } = await busyDuring(
      (async () => {
        for (const size of [5, 0, 3, 2]) {
          cluster.setTenants(tenants(size));
          await sleep(6_000);
        }
      })(),
    );
    expect(wrong).toEqual([]);
    expect(refused).toBe(0);
    expect(written).toBeGreaterThan(50);
    expect((await writtenTo(SHARDED)).map((name) => zoneOf(name, ZONES)).sort()).toEqual(ZONES);
  });
});

describe('a cluster in three zones', () => {
  it('takes and finds spans while one zone is gone, and when it is back', async () => {
    const zone = cluster.all('ingester').filter(({ name }) => zoneOf(name, ZONES) === 'b');
    const { wrong, refused, written } = await busyDuring(
      (async () => {
        await sleep(1_000);
        await Promise.all(zone.map((member) => member.kill('SIGKILL')));
        await cluster.healed(HEAL_MS);
        await sleep(2_000);
        await Promise.all(zone.map((member) => member.start()));
        await cluster.healed(HEAL_MS);
        await sleep(2_000);
      })(),
    );
    expect(wrong).toEqual([]);
    expect(refused).toBe(0);
    expect(written).toBeGreaterThan(50);
  });
});

describe('distributors that share rates', () => {
  it('know of each other, and refuse what is beyond their part', async () => {
    for (const { body } of await Promise.all(cluster.all('distributor').map((member) => member.get('/distributor/ring', { accept: 'application/json' })))) {
      const { shards } = JSON.parse(body) as { readonly shards: readonly { readonly id: string; readonly state: string }[] };
      expect(shards.map(({ id, state }) => `${id} ${state}`)).toEqual(['distributor-1 ACTIVE', 'distributor-2 ACTIVE']);
    }
    const [{ otlpHttp }] = cluster.all('distributor');
    const body = JSON.stringify(tracesOf('shop', someIds(4), SPANS));
    const headers = { 'content-type': 'application/json', 'x-scope-orgid': SLOW };
    let refusal = '';
    let taken = 0;
    const beganMs = Date.now();
    while (Date.now() - beganMs < 5_000) {
      const response = await fetch(`${otlpHttp}/v1/traces`, { method: 'POST', headers, body });
      const text = await response.text();
      if (response.status === 200) taken++;
      else refusal = text;
      await sleep(20);
    }
    expect(refusal).toContain(`ingestion.rate_limit_bytes ${SLOW_RATE} per second, shared by 2 distributors`);
    const perSecond = await bytesReceived(SLOW).then((bytes) => (bytes - SLOW_RATE) / ((Date.now() - beganMs) / 1_000));
    expect(taken).toBeGreaterThan(1);
    expect(perSecond, 'half of the rate, after the burst').toBeLessThan(0.6 * SLOW_RATE);
  });
});

async function bytesReceived(tenant: string): Promise<number> {
  return (await countsBy(cluster.all('distributor'), 'tempo_distributor_bytes_received_total', 'tenant')).get(tenant) ?? 0;
}

describe('every process', () => {
  it('lists the pages it has', async () => {
    for (const member of cluster.running()) {
      const listed = (await member.get('/status/endpoints')).body.trim().split('\n');
      const pages = listed.filter((path) => !path.includes('{') && !path.startsWith('/api') && path !== '/flush' && path !== '/shutdown');
      for (const path of pages) expect([member.name, path, (await member.get(path)).status]).toEqual([member.name, path, 200]);
      for (const path of ['/ingester/ring', '/compactor/ring', '/distributor/ring', '/memberlist', '/api/search', '/live'])
        expect([member.name, path, listed.includes(path)]).toEqual([member.name, path, (await member.get(path)).status !== 404]);
    }
  });

  it('shows the rings it reads, and whom it is connected to', async () => {
    const lineOf = async (member: ClusterMember, start: string): Promise<string | undefined> =>
      (await member.get('/metrics')).body.split('\n').find((line) => line.startsWith(start));
    for (const member of [...cluster.all('distributor'), ...cluster.all('querier')]) {
      const start = 'tempo_ring_members{name="ingester",state="ACTIVE"}';
      expect(await lineOf(member, start), member.name).toBe(`${start} 6`);
    }
    for (const member of cluster.all('distributor'))
      expect(await lineOf(member, 'tempo_distributor_ingester_clients')).toBe('tempo_distributor_ingester_clients 6');
    expect(await lineOf(cluster.all('querier')[0], 'tempo_querier_ingester_clients')).toBe('tempo_querier_ingester_clients 6');
  });
});
