import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '@vivace/base';
import { loadConfig } from '@vivace/config';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from './run.ts';

interface Process {
  readonly url: string | undefined;
  readonly lines: readonly string[];
  readonly signal: (name: string) => void;
  readonly exited: Promise<number>;
}

let dir: string;
const running: Process[] = [];
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vivace-'));
});
afterEach(async () => {
  for (const process of running.splice(0)) {
    process.signal('test');
    await process.exited;
  }
  fs.rmSync(dir, { recursive: true });
});

/** Everything on free ports and in a folder of its own. */
async function start(...argv: string[]): Promise<Process> {
  const yaml = `
server: { http_listen_address: 127.0.0.1, http_listen_port: 0, grpc_listen_address: 127.0.0.1, grpc_listen_port: 0 }
distributor: { receivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } } } }
storage: { trace: { backend: local, local: { path: ${dir}/blocks }, wal: { path: ${dir}/wal } } }
`;
  const loaded = loadConfig({ argv: ['-config.file=test.yaml', ...argv], env: {}, readFile: () => yaml });
  const lines: string[] = [];
  let signal: (name: string) => void = () => {};
  let url: string | undefined;
  const exited = new Promise<number>((exit, reject) => {
    run({
      loaded,
      env: {},
      clock: systemClock,
      beganMs: systemClock.now(),
      write: (line) => lines.push(line),
      exit,
      onSignal: (handler) => (signal = handler),
    }).then((result) => {
      url = result;
      started();
    }, reject);
  });
  const { promise, resolve: started } = Promise.withResolvers<void>();
  await Promise.race([promise, exited]);
  const process = { url, lines, signal, exited };
  if (url !== undefined) running.push(process);
  return process;
}

async function push(lines: readonly string[], request: object): Promise<void> {
  const port = /otlpHttp=(\d+)/.exec(lines.join(''))![1];
  const sent = await fetch(`http://127.0.0.1:${port}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  expect(sent.status).toBe(200);
}

describe('the process', () => {
  it('serves its pages and the query API until it is told to stop', async () => {
    const { url, lines, signal, exited } = await start();
    const ask = async (path: string): Promise<[number, string]> => {
      const response = await fetch(url + path);
      return [response.status, await response.text()];
    };
    expect(await ask('/ready')).toEqual([200, 'ready\n']);
    expect(await ask('/status/version')).toEqual([200, expect.stringContaining('compatible with Tempo 2.10')]);
    expect(await ask('/status/config?mode=diff')).toEqual([200, expect.stringContaining('http_listen_port: 0\n')]);
    expect(await ask('/status/config?mode=no')).toEqual([400, expect.stringContaining('mode "no"')]);
    expect(await ask('/status/endpoints')).toEqual([200, expect.stringContaining('/api/v2/traces/{traceID}\n')]);
    expect(await ask('/api/status/buildinfo')).toEqual([200, expect.stringContaining('"version":"2.10.8"')]);
    expect(await ask('/api/search?q=%7B')).toEqual([400, expect.stringContaining('invalid TraceQL query: parse error')]);
    expect(await ask('/metrics')).toEqual([
      200,
      expect.stringMatching(/tempo_request_duration_seconds_count\{method="GET",route="ready",status_code="200",ws="false"\} 1/),
    ]);
    expect(lines.join('')).toMatch(/msg=ready http=\d+ grpc=\d+ otlpGrpc=\d+ otlpHttp=\d+ tookMs=\d+/);
    signal('SIGTERM');
    expect(await exited).toBe(0);
    await expect(fetch(`${url}/ready`)).rejects.toThrow('fetch failed');
  });

  it('is a ring of one, which keeps its tokens', async () => {
    const flags = ['-ingester.lifecycler.id=solo', '-ingester.availability-zone=a', `-ingester.lifecycler.tokens-file-path=${dir}/ring/tokens`];
    const ringOf = async (url: string | undefined) => {
      const response = await fetch(`${url}/ingester/ring`, { headers: { accept: 'application/json' } });
      return ((await response.json()) as { shards: { tokens: number[] }[] }).shards[0];
    };
    const first = await start(...flags);
    const member = await ringOf(first.url);
    expect(member).toMatchObject({ id: 'solo', state: 'ACTIVE', zone: 'a', address: expect.stringMatching(/^127\.0\.0\.1:/) });
    expect(member.tokens).toHaveLength(128);
    expect(await (await fetch(`${first.url}/ingester/ring`)).text()).toContain('<td>solo</td><td>a</td><td>ACTIVE</td>');
    expect(await (await fetch(`${first.url}/memberlist`)).text()).toBe("This instance doesn't use memberlist.");
    expect((await fetch(`${first.url}/distributor/ring`)).status).toBe(404);
    expect(await (await fetch(`${first.url}/status/endpoints`)).text()).not.toContain('/distributor/ring');
    expect(await (await fetch(`${first.url}/metrics`)).text()).toContain('tempo_ring_members{name="ingester",state="ACTIVE"} 1');
    first.signal('SIGTERM');
    await first.exited;
    running.pop();
    expect((await ringOf((await start(...flags)).url)).tokens).toEqual(member.tokens);
  });

  it('is a distributor in a ring where rates are shared, and lists its pages', async () => {
    const { url } = await start('-distributor.rate-limit-strategy=global');
    expect(await (await fetch(`${url}/distributor/ring`, { headers: { accept: 'application/json' } })).json()).toMatchObject({ shards: [{ state: 'ACTIVE' }] });
    const endpoints = (await (await fetch(`${url}/status/endpoints`)).text()).trim().split('\n');
    const pages = endpoints.filter((path) => !path.includes('{') && !path.startsWith('/api') && path !== '/flush' && path !== '/shutdown');
    expect(pages).toEqual(expect.arrayContaining(['/distributor/ring', '/ingester/ring', '/live', '/memberlist', '/metrics-generator/ring']));
    for (const path of pages) expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
  });

  it('serves the query API below a prefix, for several tenants', async () => {
    const { url } = await start('-http-api-prefix=/tempo', '-multitenancy.enabled');
    expect((await fetch(`${url}/api/echo`)).status).toBe(404);
    expect((await fetch(`${url}/tempo/api/echo`)).status).toBe(200);
    expect((await fetch(`${url}/tempo/api/search`)).status).toBe(401);
    expect((await fetch(`${url}/ready`)).status).toBe(200);
  });

  it('stops on /shutdown', async () => {
    const { url, exited } = await start();
    expect(await (await fetch(`${url}/shutdown`, { method: 'POST' })).text()).toBe('shutdown job acknowledged');
    expect(await exited).toBe(0);
    running.pop();
  });

  it('finds what it was sent, recent and from a block', async () => {
    const { url, lines } = await start();
    const traceId = '0102030405060708090a0b0c0d0e0f10';
    const startMs = systemClock.now() - 1_000;
    const span = {
      traceId,
      spanId: '0102030405060708',
      name: 'checkout',
      kind: 2,
      startTimeUnixNano: `${startMs}000000`,
      endTimeUnixNano: `${startMs + 5}000000`,
      attributes: [{ key: 'http.status_code', value: { intValue: '503' } }],
    };
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
    await push(lines, { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
    const ask = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
    const check = async (): Promise<void> => {
      expect(await ask(`/api/v2/traces/${traceId}`)).toMatchObject({
        trace: { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'checkout', kind: 'SPAN_KIND_SERVER' }] }] }] },
      });
      const q = encodeURIComponent('{ span.http.status_code >= 500 && resource.service.name = "shop" }');
      expect(await ask(`/api/search?q=${q}`)).toMatchObject({
        traces: [{ traceID: traceId, rootServiceName: 'shop', rootTraceName: 'checkout', durationMs: 5 }],
      });
      expect(await ask('/api/v2/search/tags?scope=span')).toMatchObject({ scopes: [{ name: 'span', tags: ['http.status_code'] }] });
      expect(await ask('/api/v2/search/tag/resource.service.name/values')).toMatchObject({ tagValues: [{ type: 'string', value: 'shop' }] });
      expect(await ask('/api/search?tags=service.name%3Dsho')).toMatchObject({ traces: [{ traceID: traceId }] });
    };
    await check();
    expect((await fetch(`${url}/flush`, { method: 'POST' })).status).toBe(204);
    expect(fs.readdirSync(`${dir}/blocks/single-tenant`)).toHaveLength(1);
    await check();
    expect((await fetch(`${url}/flush?tenant=..`, { method: 'POST' })).status).toBe(400);
  });

  it('has a metrics-generator of its own, which hears of tenants with processors', async () => {
    const idOf = (n: number): object => ({ traceId: '0102030405060708090a0b0c0d0e0f10', spanId: `${n}`.padStart(16, '0'), name: 'step' });
    const endMs = systemClock.now();
    const spans = [idOf(1), { ...idOf(2), endTimeUnixNano: `${endMs}000000` }];
    const countsOf = async ({ url, lines }: Process): Promise<string[]> => {
      await push(lines, { resourceSpans: [{ scopeSpans: [{ spans }] }] });
      const text = await (await fetch(`${url}/metrics`)).text();
      return text.split('\n').filter((line) => /^tempo_(metrics_generator_spans|distributor_(forwarder|queue)_pushes)/.test(line));
    };
    const tenant = 'tenant="single-tenant"';
    const first = await start('-overrides.defaults.metrics-generator.processors=span-metrics');
    expect((await countsOf(first)).sort()).toEqual([
      `tempo_distributor_forwarder_pushes_total{${tenant}} 1`,
      `tempo_distributor_queue_pushes_total{name="metrics-generator",${tenant}} 1`,
      `tempo_metrics_generator_spans_discarded_total{${tenant},reason="outside_metrics_ingestion_slack",processor="all"} 1`,
      `tempo_metrics_generator_spans_received_total{${tenant}} 2`,
    ]);
    const ring = await fetch(`${first.url}/metrics-generator/ring`, { headers: { accept: 'application/json' } });
    expect(((await ring.json()) as { shards: object[] }).shards).toMatchObject([{ state: 'ACTIVE', address: expect.stringMatching(/^127\.0\.0\.1:/) }]);
    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);
    running.pop();
    expect(await countsOf(await start())).toEqual([]);
  });

  it.each([['-target=block-builder', 'target block-builder is not implemented in this version']])('does not run with %s', async (flag, reason) => {
    const { url, lines, exited } = await start(flag);
    expect([await exited, url]).toEqual([1, undefined]);
    expect(lines.join('')).toContain(reason);
    expect(fs.readdirSync(dir)).toEqual([]);
  });

  it.each([
    ['', true],
    ['memberlist', false],
  ])('is a compactor with the ring %j, and warns of others: %s', async (store, warns) => {
    const { lines } = await start(
      '-target=compactor',
      `-compactor.ring.kvstore.store=${store}`,
      '-memberlist.bind-port=0',
      '-compactor.ring.instance-addr=127.0.0.1',
    );
    expect(lines.some((line) => line.includes('this compactor takes every job'))).toBe(warns);
  });

  it('says why it cannot start, and exits 1', async () => {
    const first = await start();
    const sameData = await start();
    expect(await sameData.exited).toBe(1);
    expect(sameData.lines.join('')).toMatch(/the process cannot start.*already open/);
    const samePort = await start(`-storage.trace.wal.path=${dir}/other`, `-server.http-listen-port=${new URL(first.url!).port}`);
    expect(await samePort.exited).toBe(1);
    expect(samePort.lines.join('')).toMatch(/the process cannot start" err="http server: cannot listen on .*EADDRINUSE.*server\.http_listen_port"\n/);
    expect(samePort.lines.filter((line) => line.includes('level=error'))).toHaveLength(1);
  });
});
