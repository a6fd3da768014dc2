// node --conditions=@vivace/source libs/gateway/src/relay.bench.ts
// What passing a request on costs the thread of the gateway, and what it adds to the time of the request.
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { basic, startBackend, startGateway } from './gateway.fixture.ts';

interface Job {
  readonly url: string;
  readonly kind: 'get' | 'post' | 'call';
  readonly bytes: number;
  readonly count: number;
  readonly inFlight: number;
}

const script = fileURLToPath(import.meta.url);
const headers = { authorization: basic('anna', 'open sesame') };
const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

if (isMainThread) await measure();
else if (workerData === 'backend') {
  const backend = await startBackend();
  backend.answerCall = (stream) => {
    stream.resume().on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end();
    });
  };
  parentPort!.postMessage({ http: backend.http, grpc: backend.grpc });
} else parentPort!.on('message', (job: Job) => void ask(job).then((timesMs) => parentPort!.postMessage(timesMs)));

async function measure(): Promise<void> {
  const [backend, client] = ['backend', 'client'].map((name) => new Worker(script, { workerData: name })) as [Worker, Worker];
  const [{ http: httpAt, grpc: grpcAt }] = (await once(backend, 'message')) as [{ http: string; grpc: string }];
  const hash = '$2y$04$.f2.ngslvY96IECInr4FuO2.dYchDMgKgk4zThdxSErZGWxnaf3Fy';
  const yaml = `auth: { users: [{ name: anna, password_hash: '${hash}', rights: [read, write] }] }`;
  const { url, stop } = await startGateway({ yaml, http: [httpAt], grpc: [grpcAt] });
  const run = async (job: Job): Promise<{ cpuUs: number; p50Ms: number; p99Ms: number }> => {
    const before = process.threadCpuUsage();
    client.postMessage(job);
    const [times] = (await once(client, 'message')) as [Float64Array];
    const { user, system } = process.threadCpuUsage(before);
    times.sort();
    return { cpuUs: (user + system) / job.count, p50Ms: times[times.length >> 1], p99Ms: times[Math.floor(times.length * 0.99)] };
  };
  for (const [kind, bytes, count] of [
    ['get', 0, 10_000],
    ['post', 64 << 10, 4_000],
    ['post', 4 << 20, 100],
    ['call', 64 << 10, 4_000],
    ['call', 3 << 20, 100],
  ] as const) {
    const direct = `http://${kind === 'call' ? grpcAt : httpAt}`;
    const job = { kind, bytes, count, inFlight: 8 };
    let best = { cpuUs: Number.POSITIVE_INFINITY, addedMs: 0, p99Ms: 0 };
    for (let round = 0; round < 5; round++) {
      const without = await run({ ...job, url: direct, inFlight: 1, count: count / 4 });
      const alone = await run({ ...job, url, inFlight: 1, count: count / 4 });
      const { cpuUs, p99Ms } = await run({ ...job, url });
      if (cpuUs < best.cpuUs) best = { cpuUs, addedMs: alone.p50Ms - without.p50Ms, p99Ms };
    }
    console.log(`${kind} ${bytes >> 10} KiB: ${best.cpuUs.toFixed(0)} µs CPU, +${best.addedMs.toFixed(2)} ms alone, p99 ${best.p99Ms.toFixed(1)} ms at 8`);
  }
  await stop();
  await Promise.all([backend.terminate(), client.terminate()]);
}

async function ask({ url, kind, bytes, count, inFlight }: Job): Promise<Float64Array> {
  const timesMs = new Float64Array(count);
  const body = Buffer.alloc(bytes, 7);
  const agent = new http.Agent({ keepAlive: true });
  const session = kind === 'call' ? http2.connect(url, { maxSessionMemory: 100 }) : undefined;
  let next = 0;
  const one = session ? () => call(session, body) : () => request(url, kind, agent, body);
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (let i = next++; i < count; i = next++) {
        const from = performance.now();
        await one();
        timesMs[i] = performance.now() - from;
      }
    }),
  );
  agent.destroy();
  session?.destroy();
  return timesMs;
}

async function request(url: string, kind: Job['kind'], agent: http.Agent, body: Buffer): Promise<void> {
  const sent = http.request(url + (kind === 'get' ? '/api/echo' : '/v1/traces'), { method: kind.toUpperCase(), agent, headers });
  sent.end(kind === 'get' ? undefined : body);
  const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
  if (response.statusCode !== 200) throw new Error(String(response.statusCode));
  await once(response.resume(), 'end');
}

async function call(session: http2.ClientHttp2Session, body: Buffer): Promise<void> {
  const stream = session.request({ ':method': 'POST', ':path': EXPORT, 'content-type': 'application/grpc', ...headers });
  stream.end(body);
  const [trailers] = (await once(stream.resume(), 'trailers')) as [http2.IncomingHttpHeaders];
  if (trailers['grpc-status'] !== '0') throw new Error(String(trailers['grpc-message']));
}
