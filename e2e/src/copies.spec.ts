import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cluster, HEARTBEAT_TIMEOUT_MS } from './cluster.ts';
import { newTraceId, requestOf, spanOf } from './otlp-json.ts';

// Every span lies in three ingesters, then in three blocks, then in merged ones, while it is asked how many there are.

const TRACES_PER_ROUND = 20;
/** Each in a request of its own. */
const SPANS_PER_TRACE = 3;
const SERVICE = 'copies';

let cluster: Cluster;
const beganSec = Math.floor(Date.now() / 1_000);
let sent = 0;

beforeAll(async () => {
  cluster = await Cluster.create({ processes: { ingester: 3, distributor: 1, querier: 1, 'query-frontend': 1, compactor: 1 } });
  await cluster.start();
  await cluster.healed(60_000);
});
afterAll(() => cluster.destroy());

async function push(): Promise<void> {
  const traceIds = Array.from({ length: TRACES_PER_ROUND }, () => newTraceId());
  const [{ otlpHttp }] = cluster.all('distributor');
  for (let i = 1; i <= SPANS_PER_TRACE; i++) {
    const spans = traceIds.map((traceId) => spanOf({ traceId, spanId: i.toString(16).padStart(16, '0'), parentSpanId: i === 1 ? '' : '0000000000000001' }));
    const body = JSON.stringify(requestOf(SERVICE, spans));
    const response = await fetch(`${otlpHttp}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    expect(response.status).toBe(200);
    sent += spans.length;
  }
}

async function counted(query: string): Promise<number> {
  const [frontend] = cluster.all('query-frontend');
  const range = `start=${beganSec}&end=${Math.ceil(Date.now() / 1_000) + 1}`;
  const { status, body } = await frontend.get(`/api/metrics/query?q=${encodeURIComponent(query)}&${range}`);
  expect(status, body).toBe(200);
  const { series } = JSON.parse(body) as { readonly series: readonly { readonly value?: number }[] };
  return series.reduce((sum, { value = 0 }) => sum + value, 0);
}

/** Long enough for blocks to be written, handed over, and merged. */
async function pushAndCount(forMs: number): Promise<number> {
  const untilMs = Date.now() + forMs;
  let rounds = 0;
  for (; Date.now() < untilMs; rounds++) {
    await push();
    expect(await counted(`{ resource.service.name = "${SERVICE}" } | count_over_time()`), `round ${rounds}`).toBe(sent);
    expect(await counted('{ } | count_over_time() by (name)'), `round ${rounds} by name`).toBe(sent);
    // Traces that are not seen whole have no such pair.
    expect(await counted('{ } > { } | count_over_time()'), `round ${rounds} of children`).toBe((sent / SPANS_PER_TRACE) * (SPANS_PER_TRACE - 1));
  }
  return rounds;
}

it('counts each span once, from the moment it is acknowledged', async () => {
  const rounds = await pushAndCount(20_000);
  console.log(JSON.stringify({ rounds, sent, blocks: cluster.blocks().length }));
  expect(cluster.blocks().length).toBeGreaterThan(3);
});

it('goes on doing so without one ingester', async () => {
  const [, second] = cluster.all('ingester');
  await second.kill('SIGKILL');
  await push().catch(() => undefined);
  const untilMs = Date.now() + HEARTBEAT_TIMEOUT_MS;
  let found = 0;
  while (found !== sent && Date.now() < untilMs) found = await counted('{ } | count_over_time()').catch(() => 0);
  expect(found).toBe(sent);
  await pushAndCount(8_000);
  await second.start();
  await cluster.healed(60_000);
  await pushAndCount(8_000);
});
