import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster, HEARTBEAT_TIMEOUT_MS } from './cluster.ts';
import type { ClusterMember } from './cluster.ts';
import { newTraceId, tracesOf } from './otlp-json.ts';
import { CERTIFICATE } from './vivace.ts';

// Processes that demand certificates of each other, as Tempo's keys say it, and three that do not get in.

const WITHOUT_CERTIFICATE = 'querier-2';
const WITHOUT_TLS = 'distributor-2';
const WITHOUT_AUTHORITY = 'querier-3';
const HEAL_MS = 3 * HEARTBEAT_TIMEOUT_MS + 10_000;
/** Longer than ingesters answer for what is stored. */
const FORGOTTEN_MS = 2_000;
const TRACES = 50;
const SPANS = 3;

const GRPC_TLS = { cert_file: CERTIFICATE.cert, key_file: CERTIFICATE.key, client_ca_file: CERTIFICATE.cert, client_auth_type: 'RequireAndVerifyClientCert' };
const OWN = { tls_cert_path: CERTIFICATE.cert, tls_key_path: CERTIFICATE.key };
const THEIRS = { tls_ca_path: CERTIFICATE.cert };

function clientOf(name: string): object {
  if (name === WITHOUT_TLS) return {};
  return { tls_enabled: true, tls_min_version: 'VersionTLS13', ...(name !== WITHOUT_CERTIFICATE && OWN), ...(name !== WITHOUT_AUTHORITY && THEIRS) };
}

function settings(name: string): object {
  const grpc_client_config = clientOf(name);
  return {
    server: { grpc_tls_config: GRPC_TLS, tls_min_version: 'VersionTLS13' },
    ingester_client: { grpc_client_config },
    metrics_generator_client: { grpc_client_config },
    querier: { frontend_worker: { grpc_client_config } },
    overrides: { defaults: { metrics_generator: { processors: ['span-metrics'] } } },
  };
}

let cluster: Cluster;
let distributor: ClusterMember;
let frontend: ClusterMember;
beforeAll(async () => {
  cluster = await Cluster.create({
    processes: { ingester: 3, distributor: 1, querier: 1, 'query-frontend': 1, 'metrics-generator': 1 },
    completeBlockTimeoutMs: FORGOTTEN_MS,
    settings,
  });
  await cluster.start();
  await Promise.all([cluster.healed(HEAL_MS), cluster.healed(HEAL_MS, 'metrics-generator')]);
  [distributor] = cluster.all('distributor');
  [frontend] = cluster.all('query-frontend');
});
afterAll(async () => {
  await cluster.destroy();
  expect(cluster.errors()).toEqual([]);
});

async function push(to: ClusterMember, ids: readonly string[]): Promise<{ readonly status: number; readonly text: string }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${to.otlpHttp}/v1/traces`, { method: 'POST', headers, body: JSON.stringify(tracesOf('shop', ids, SPANS)) });
  return { status: response.status, text: await response.text() };
}

async function countOf(ids: readonly string[]): Promise<{ readonly searched: number; readonly byId: readonly number[] }> {
  const { body } = await frontend.get(`/api/search?q=%7Bresource.service.name%3D%22shop%22%7D&limit=${10 * TRACES}`);
  const { traces } = JSON.parse(body) as { readonly traces: readonly { readonly traceID: string }[] };
  const found = new Set(traces.map(({ traceID }) => traceID));
  const byId = await Promise.all([ids[0], ids[ids.length - 1]].map(async (id) => (await frontend.get(`/api/v2/traces/${id}`)).status));
  return { searched: ids.filter((id) => found.has(id)).length, byId };
}

async function eventually<T>(ask: () => Promise<T> | T, isRight: (value: T) => boolean): Promise<T> {
  for (const deadline = Date.now() + HEAL_MS; ; await sleep(200)) {
    const value = await ask();
    if (isRight(value) || Date.now() > deadline) return value;
  }
}

describe('a cluster with certificates', () => {
  const ids = Array.from({ length: TRACES }, () => newTraceId());

  it('takes spans, finds them while they are recent and when they are stored, and counts them in generators', async () => {
    expect(await push(distributor, ids)).toEqual({ status: 200, text: '{"partialSuccess":{}}' });
    expect(await countOf(ids)).toEqual({ searched: TRACES, byId: [200, 200] });
    expect(
      (
        await eventually(
          () => cluster.blocks(),
          ({ length }) => length >= 3,
        )
      ).length,
    ).toBeGreaterThanOrEqual(3);
    const [generator] = cluster.all('metrics-generator');
    const counted = await eventually(
      async () => /^tempo_metrics_generator_spans_received_total\{[^}]*\} (\d+)/m.exec((await generator.get('/metrics')).body)?.[1],
      (value) => value === String(TRACES * SPANS),
    );
    expect(counted).toBe(String(TRACES * SPANS));
    // Ingesters do not answer for them any more.
    await sleep(2 * FORGOTTEN_MS);
    expect(await countOf(ids)).toEqual({ searched: TRACES, byId: [200, 200] });
  });

  it.each([
    [WITHOUT_CERTIFICATE, /it wants a certificate: set querier\.frontend_worker\.grpc_client_config\.tls_cert_path and tls_key_path/],
    [WITHOUT_AUTHORITY, /its certificate is not signed by an authority that Node knows, see querier\.frontend_worker\.grpc_client_config\.tls_ca_path/],
  ])('does not let %s in, which says what to set', async (name, says) => {
    const querier = await cluster.add('querier');
    expect(querier.name).toBe(name);
    await querier.start();
    expect(
      await eventually(
        () => querier.log,
        (log) => says.test(log),
      ),
    ).toMatch(says);
    await querier.kill('SIGTERM');
  });

  it('does not let a distributor without TLS in, which says what to set', async () => {
    const stranger = await cluster.add('distributor');
    expect(stranger.name).toBe(WITHOUT_TLS);
    await stranger.start();
    const hint = 'where it has server.grpc_tls_config, set ingester_client.grpc_client_config.tls_enabled';
    expect(await push(stranger, [newTraceId()])).toEqual({ status: 503, text: expect.stringContaining(hint) as string });
    expect(stranger.log).toContain(hint);
    await stranger.kill('SIGTERM');
  });

  it('says on the other side whom it has refused', () => {
    expect(frontend.log).toMatch(/a client was refused.*it has no certificate, which server\.grpc_tls_config\.client_auth_type demands/);
    expect(cluster.all('ingester')[0].log).toMatch(/a client was refused.*it does not speak TLS/);
  });

  it('goes on', async () => {
    const more = Array.from({ length: TRACES }, () => newTraceId());
    expect((await push(distributor, more)).status).toBe(200);
    expect(await countOf(more)).toEqual({ searched: TRACES, byId: [200, 200] });
  });
});
