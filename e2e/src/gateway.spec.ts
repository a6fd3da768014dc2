import { once } from 'node:events';
import fs from 'node:fs';
import type http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import tls from 'node:tls';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import grpc from '@grpc/grpc-js';
import { traceToProto } from '@vivace/otlp';
import { SearchRequestSchema, SearchResponseSchema, StreamingQuerier } from '@vivace/proto';
import { tableOf } from '@vivace/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from './free-ports.ts';
import { newTraceId, requestOf, spanOf } from './otlp-json.ts';
import { ServerProcess } from './server-process.ts';
import { findTrace } from './trace-answer.ts';
import { CERTIFICATE, Vivace } from './vivace.ts';

// A gateway in front of a process with several tenants: users of one never see another, whatever they send.

const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const SECOND_TLS = path.resolve(import.meta.dirname, '../../testdata/gateway/tls');

let vivace: Vivace;
let gateway: ServerProcess;
let ports: { readonly admin: number; readonly all: number; readonly otlp: number };
let tlsDir: string;
beforeAll(async () => {
  const limits = '{ ingestion: { rate_limit_bytes: 1GB, burst_size_bytes: 1GB } }';
  vivace = await Vivace.create({ tenants: `a: ${limits}\nb: ${limits}`, http: { max_request_body_size: 64 << 20 } });
  const [admin, grpcPort, all, otlp] = await freePorts(4);
  ports = { admin: admin, all: all, otlp: otlp };
  tlsDir = path.join(vivace.dir, 'tls');
  fs.mkdirSync(tlsDir);
  useCertificate(CERTIFICATE);
  const configFile = path.join(vivace.dir, 'gateway.yaml');
  fs.writeFileSync(path.join(vivace.dir, 'users.yaml'), 'api_keys: [{ name: agent, key: key-of-b, tenant: b, rights: [write] }]\n');
  fs.writeFileSync(
    configFile,
    `
server: { http_listen_address: 127.0.0.1, http_listen_port: ${admin}, grpc_listen_address: 127.0.0.1, grpc_listen_port: ${grpcPort} }
gateway:
  http_listen_address: 127.0.0.1
  http_listen_port: ${all}
  otlp_grpc_listen_port: ${otlp}
  reload_period: 100ms
  tls: { cert_file: ${tlsDir}/cert.pem, key_file: ${tlsDir}/key.pem }
  upstreams:
    otlp_http: ['${new URL(vivace.otlpHttp).host}']
    otlp_grpc: ['${vivace.otlpGrpc}']
    distributor: ['${new URL(vivace.http).host}']
    query_frontend: ['${new URL(vivace.http).host}']
    query_frontend_grpc: ['${vivace.grpc}']
    ingester: ['${new URL(vivace.http).host}']
  auth:
    users_file: ${vivace.dir}/users.yaml
    users:
      - { name: anna, password: of-anna, tenant: a }
      - { name: bo, password_hash: '$2y$04$.f2.ngslvY96IECInr4FuO2.dYchDMgKgk4zThdxSErZGWxnaf3Fy', tenant: b }
      - { name: root, password: of-root, rights: [admin] }
    max_failures: 1000
`,
  );
  await vivace.start('-multitenancy.enabled');
  gateway = new ServerProcess({ configFile, http: `http://127.0.0.1:${admin}` });
  await gateway.start('-target=gateway');
});
afterAll(async () => {
  expect(await gateway.kill('SIGTERM')).toBe(0);
  await vivace.destroy();
  expect([...gateway.errors(), ...vivace.errors()]).toEqual([]);
});

function useCertificate({ cert, key }: { cert: string; key: string }): void {
  fs.copyFileSync(key, path.join(tlsDir, 'key.pem'));
  fs.copyFileSync(cert, path.join(tlsDir, 'cert.pem'));
}

const basic = (user: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });
const anna = basic('anna', 'of-anna');
const bo = basic('bo', 'open sesame');
const root = basic('root', 'of-root');

/** By HTTPS. The certificate changes on the way and is not looked at. */
async function ask(pathAndQuery: string, headers: Record<string, string>, body?: string): Promise<{ status: number; body: string }> {
  const sent = https.request({
    host: 'localhost',
    port: ports.all,
    path: pathAndQuery,
    method: body === undefined ? 'GET' : 'POST',
    headers,
    rejectUnauthorized: false,
    agent: false,
  });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode!, body: text };
}

const push = (headers: Record<string, string>, request: object) =>
  ask('/v1/traces', { 'content-type': 'application/json', ...headers }, JSON.stringify(request));
const as = (headers: Record<string, string>) => ({
  get: (pathAndQuery: string, more: Readonly<Record<string, string>> = {}) => ask(pathAndQuery, { ...headers, ...more }),
});
const namesOf = async (door: Parameters<typeof findTrace>[0], traceId: string, headers: Record<string, string> = {}): Promise<string[]> =>
  (await findTrace(door, traceId, headers)).map(({ name }) => name);

function credentialsOf({ authorization }: { authorization: string }): grpc.ChannelCredentials {
  const byCall = grpc.credentials.createFromMetadataGenerator((_options, done) => {
    const metadata = new grpc.Metadata();
    metadata.set('authorization', authorization);
    done(null, metadata);
  });
  return grpc.credentials.combineChannelCredentials(grpc.credentials.createSsl(fs.readFileSync(CERTIFICATE.cert)), byCall);
}

const asIs = (bytes: Buffer): Buffer => bytes;

interface CallOptions {
  readonly port: number;
  readonly headers: { authorization: string };
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Ends with the status of the call, whatever it is. */
async function callStream({ port, headers, path: method, bytes }: CallOptions): Promise<{ code: number; details: string; messages: Buffer[] }> {
  const client = new grpc.Client(`localhost:${port}`, credentialsOf(headers));
  const metadata = new grpc.Metadata();
  metadata.add('x-scope-orgid', 'a');
  metadata.add('x-scope-orgid', 'b');
  const call = client.makeServerStreamRequest(method, asIs, asIs, Buffer.from(bytes), metadata);
  const messages: Buffer[] = [];
  call.on('data', (message: Buffer) => messages.push(message)).on('error', () => undefined);
  const { code, details } = await new Promise<grpc.StatusObject>((resolve) => call.on('status', resolve));
  client.close();
  return { code, details, messages };
}

/** A request of one span as protobuf. */
function protoOf(traceId: string, name: string): Buffer {
  const startNs = BigInt(Date.now()) * 1_000_000n;
  const span = { spanId: '0000000000000001', parentId: '', name, kind: 1, startNs, endNs: startNs, status: 0, attrs: [], events: [], links: [] };
  const table = tableOf([{ traceId, spans: [{ ...span, resource: [['service.name', 'gateway']], scope: { name: '', version: '', attrs: [] } }] }]);
  return Buffer.from(traceToProto(table, 0));
}

describe('tenants', () => {
  it('are those of the user, by HTTP', async () => {
    const [ofA, ofB] = [newTraceId(), newTraceId()];
    expect(await push({ ...anna, 'x-scope-orgid': 'b' }, requestOf('shop', [spanOf({ traceId: ofA, name: 'of a' })]))).toEqual({
      status: 200,
      body: '{"partialSuccess":{}}',
    });
    expect((await push({ 'x-api-key': 'key-of-b', 'x-scope-orgid': 'a' }, requestOf('bank', [spanOf({ traceId: ofB, name: 'of b' })]))).status).toBe(200);
    expect([await namesOf(vivace, ofA, { 'x-scope-orgid': 'a' }), await namesOf(vivace, ofB, { 'x-scope-orgid': 'b' })]).toEqual([['of a'], ['of b']]);
    expect([await namesOf(as(anna), ofA, { 'x-scope-orgid': 'b' }), await namesOf(as(bo), ofB)]).toEqual([['of a'], ['of b']]);
    expect((await ask(`/api/traces/${ofB}`, { ...anna, 'x-scope-orgid': 'b' })).status).toBe(404);
    const search = await ask('/api/search?q=%7B%7D', { ...bo, 'x-scope-orgid': 'a|b' });
    expect((JSON.parse(search.body) as { traces: { traceID: string }[] }).traces.map(({ traceID }) => traceID)).toEqual([ofB]);
  });

  it.each(['all', 'otlp'] as const)('are those of the user, by gRPC on the port for %s', async (door) => {
    const traceId = newTraceId();
    expect(await callStream({ port: ports[door], headers: bo, path: EXPORT, bytes: protoOf(traceId, 'by gRPC') })).toMatchObject({ code: 0 });
    expect(await namesOf(vivace, traceId, { 'x-scope-orgid': 'b' })).toEqual(['by gRPC']);
    expect((await vivace.get(`/api/traces/${traceId}`, { 'x-scope-orgid': 'a' })).status).toBe(404);
  });

  it('are those of the user in streams', async () => {
    const traceId = newTraceId();
    await push(anna, requestOf('stream', [spanOf({ traceId })]));
    const { input, parent, name } = StreamingQuerier.method.search;
    const nowSec = Math.floor(Date.now() / 1_000);
    const query = { Query: '{ resource.service.name = "stream" }', Start: nowSec - 60, End: nowSec + 60 };
    expect(input).toBe(SearchRequestSchema);
    const bytes = toBinary(SearchRequestSchema, create(SearchRequestSchema, query));
    const idsFor = async (headers: { authorization: string }): Promise<string[]> => {
      const { code, messages } = await callStream({ port: ports.all, headers, path: `/${parent.typeName}/${name}`, bytes });
      expect(code).toBe(0);
      return messages.flatMap((message) => fromBinary(SearchResponseSchema, message).traces.map(({ traceID }) => traceID));
    };
    expect(new Set(await idsFor(anna))).toEqual(new Set([traceId]));
    expect(await idsFor(bo)).toEqual([]);
  });
});

describe('others', () => {
  it('are refused', async () => {
    for (const [headers, status] of [
      [{}, 401],
      [basic('anna', 'wrong'), 401],
      [{ 'x-api-key': 'wrong' }, 401],
      [root, 403],
    ] as const)
      expect([(await push(headers, {})).status, (await ask('/api/echo', headers)).status]).toEqual([status, status]);
    expect(await callStream({ port: ports.otlp, headers: basic('anna', 'wrong'), path: EXPORT, bytes: new Uint8Array() })).toMatchObject({
      code: grpc.status.UNAUTHENTICATED,
    });
    expect(await callStream({ port: ports.otlp, headers: root, path: EXPORT, bytes: new Uint8Array() })).toMatchObject({ code: grpc.status.PERMISSION_DENIED });
    expect((await ask('/status/config', anna)).status).toBe(403);
    expect((await ask('/shutdown', anna, '')).status).toBe(403);
  });
});

describe('the process', () => {
  it('passes more than 20 MiB on', async () => {
    const traceIds = Array.from({ length: 100 }, newTraceId);
    const padding = [{ key: 'padding', value: { stringValue: 'x'.repeat(2_000) } }];
    const spans = traceIds.flatMap((traceId) =>
      Array.from({ length: 100 }, (_, i) => spanOf({ traceId, spanId: (i + 1).toString(16).padStart(16, '0'), attributes: padding })),
    );
    const request = requestOf('large', spans);
    expect(JSON.stringify(request).length).toBeGreaterThan(20 << 20);
    expect(await push(anna, request)).toEqual({ status: 200, body: '{"partialSuccess":{}}' });
    expect(await namesOf(as(anna), traceIds[99])).toHaveLength(100);
  });

  it('lets admins flush', async () => {
    expect(await ask('/flush', root, '')).toEqual({ status: 200, body: `${new URL(vivace.http).host}: 204\n` });
    expect(vivace.blocks().length).toBeGreaterThan(0);
  });

  it('has pages of its own on another port', async () => {
    expect([await gateway.get('/live'), await gateway.get('/ready')]).toEqual([
      { status: 200, body: 'live\n' },
      { status: 200, body: 'ready\n' },
    ]);
    const { body } = await gateway.get('/metrics');
    expect(body).toMatch(/tempo_request_duration_seconds_count\{method="POST",route="otlp_v1_traces",status_code="200",ws="false"\} \d+/);
    expect(body).toContain('method="gRPC",route="opentelemetry_proto_collector_trace_v1_traceservice_export",status_code="success"');
    expect(body).toMatch(/vivace_gateway_auth_failures_total\{reason="wrong"\} \d+/);
    for (const secret of ['of-anna', 'open sesame', 'key-of-b']) expect(gateway.log + (await gateway.get('/status/config')).body).not.toContain(secret);
  });

  it('says 503 while nobody is behind it, and heals', async () => {
    await vivace.kill('SIGKILL');
    expect(await ask('/api/echo', anna)).toEqual({ status: 503, body: 'upstream queryFrontend cannot be reached (ECONNREFUSED)\n' });
    expect((await push(anna, {})).status).toBe(503);
    expect(await callStream({ port: ports.otlp, headers: anna, path: EXPORT, bytes: new Uint8Array() })).toMatchObject({ code: grpc.status.UNAVAILABLE });
    await vivace.start('-multitenancy.enabled');
    const traceId = newTraceId();
    expect((await push(anna, requestOf('back', [spanOf({ traceId })]))).status).toBe(200);
    expect(await callStream({ port: ports.otlp, headers: anna, path: EXPORT, bytes: protoOf(traceId, 'too') })).toMatchObject({ code: 0 });
    expect(await namesOf(as(anna), traceId)).toHaveLength(1);
  });

  it('takes a new certificate while it runs', async () => {
    const subject = async (): Promise<string> => {
      const socket = tls.connect({ port: ports.all, host: 'localhost', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return String(CN);
    };
    expect(await subject()).toBe('localhost');
    useCertificate({ cert: `${SECOND_TLS}/cert.pem`, key: `${SECOND_TLS}/key.pem` });
    await expect.poll(subject, { timeout: 10_000 }).toBe('second');
    expect((await ask('/api/echo', anna)).body).toBe('echo');
  });
});
