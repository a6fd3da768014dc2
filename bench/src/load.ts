import { setTimeout as sleep } from 'node:timers/promises';
import { RequestTemplate } from './otlp-template.ts';
import { diskBytes, threadCpuOf, usageOf } from './process-stats.ts';
import { seeded } from './random.ts';
import { createSender } from './senders.ts';

export interface LoadOptions {
  /** `grpc://…` or `http://…/v1/traces`. */
  readonly url: string;
  readonly spans: number;
  /** Spans a second, 0 = as fast as accepted. */
  readonly rate: number;
  readonly connections: number;
  /** Spans a request. */
  readonly batch: number;
  readonly templates: number;
  readonly seed: number;
  /** Age of the spans when sent, seconds. */
  readonly ageSec: number;
  /** Processes whose CPU and memory are accounted. */
  readonly pids: readonly number[];
  /** Seconds to wait after sending, so that cutting and completing blocks is paid for. */
  readonly settleSec: number;
  /** Folder of the blocks, for bytes per span. */
  readonly dir: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

export interface LoadResult {
  readonly acceptedSpans: number;
  readonly refusedSpans: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly spansPerSecond: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  readonly clientCpuSeconds: number;
  /** CPU-seconds a million spans: at the end of sending, and after settling. */
  readonly cpuPerMillion: number;
  readonly cpuPerMillionSettled: number;
  /** As `cpuPerMillion`, by thread: what does the pushing and what works beside it. */
  readonly cpuPerMillionByThread: Readonly<Record<string, number>>;
  readonly rssPeakMb: number;
  readonly rssAfterMb: number;
  readonly diskBytesPerSpan: number | undefined;
  /** Some of the trace ids sent, in order. */
  readonly sampleIds: readonly string[];
  /** Unix seconds that cover all spans sent. */
  readonly startSec: number;
  readonly endSec: number;
}

const SAMPLE_EVERY = 20;

/** Sends deterministic traces and accounts what the servers used for them. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const random = seeded(options.seed);
  const templates = Array.from({ length: options.templates }, () => new RequestTemplate(random, options.batch));
  const sender = createSender(options.url, options.connections, options.headers);
  const latencies: number[] = [];
  const errors: Record<string, number> = {};
  const sampleIds: string[] = [];
  let sequence = 0;
  let sent = 0;
  let accepted = 0;
  let refused = 0;
  let rssPeakMb = 0;
  const watch = setInterval(() => {
    rssPeakMb = Math.max(rssPeakMb, usageOf(options.pids).rssMb);
  }, 200);
  const before = usageOf(options.pids);
  const threadsBefore = threadCpuOf(options.pids);
  const diskBefore = options.dir === undefined ? 0 : diskBytes(options.dir);
  const clientBefore = process.cpuUsage();
  const started = Date.now();

  const worker = async () => {
    while (sent < options.spans) {
      const mine = sequence++;
      const template = templates[mine % templates.length];
      sent += template.spans;
      if (options.rate > 0) {
        const wait = started + (sent / options.rate) * 1000 - Date.now();
        if (wait > 1) await sleep(wait);
      }
      const { bytes, ids } = template.stamp(mine, BigInt(Date.now() - options.ageSec * 1000) * 1_000_000n);
      if (mine % SAMPLE_EVERY === 0) sampleIds.push(...ids.slice(0, 3));
      const at = performance.now();
      const error = await sender.send(Buffer.from(bytes));
      latencies.push(performance.now() - at);
      if (error === undefined) accepted += template.spans;
      else {
        refused += template.spans;
        errors[error] = (errors[error] ?? 0) + 1;
      }
    }
  };
  await Promise.all(Array.from({ length: options.connections }, worker));
  const ended = Date.now();
  const sentUsage = usageOf(options.pids);
  const threads = threadCpuOf(options.pids);
  const client = process.cpuUsage(clientBefore);
  if (options.settleSec > 0) await sleep(options.settleSec * 1000);
  clearInterval(watch);
  sender.close();
  const settled = usageOf(options.pids);
  latencies.sort((a, b) => a - b);
  const perMillion = (cpuSeconds: number) => round((cpuSeconds / accepted) * 1e6, 2);
  return {
    acceptedSpans: accepted,
    refusedSpans: refused,
    errors,
    spansPerSecond: Math.round((accepted / (ended - started)) * 1000),
    latencyP50Ms: round(latencies[latencies.length >> 1], 1),
    latencyP99Ms: round(latencies[Math.floor(latencies.length * 0.99)], 1),
    clientCpuSeconds: round((client.user + client.system) / 1e6, 2),
    cpuPerMillion: perMillion(sentUsage.cpuSeconds - before.cpuSeconds),
    cpuPerMillionSettled: perMillion(settled.cpuSeconds - before.cpuSeconds),
    cpuPerMillionByThread: Object.fromEntries(
      [...threads].map(([name, s]) => [name, perMillion(s - (threadsBefore.get(name) ?? 0))]).filter(([, s]) => s !== 0),
    ),
    rssPeakMb: Math.round(rssPeakMb),
    rssAfterMb: Math.round(settled.rssMb),
    diskBytesPerSpan: options.dir === undefined ? undefined : round((diskBytes(options.dir) - diskBefore) / accepted, 1),
    sampleIds,
    startSec: Math.floor(started / 1000) - options.ageSec,
    endSec: Math.ceil(ended / 1000) + 60,
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
