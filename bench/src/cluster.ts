import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { load } from './load.ts';
import type { LoadOptions } from './load.ts';
import { cpuMsOf } from './process-stats.ts';

// What writing costs where roles are processes of their own: one distributor and ingesters on this machine, each span at all of them, beside one process that is all.

const MAIN = path.resolve(import.meta.dirname, '../../apps/vivace/dist/main.js');
const PORTS_A_PROCESS = 5;
const READY_MS = 30_000;

export interface ClusterBenchOptions extends Omit<LoadOptions, 'url' | 'pids' | 'dir'> {
  readonly ingesters: number;
  /** The first of the ports. */
  readonly port: number;
  /** Spans sent before anything is measured: a process pays for compiling first. */
  readonly warmSpans: number;
  /** Arguments of node for the distributor, as `--cpu-prof`. */
  readonly distributorArgs: readonly string[];
}

export interface ClusterBenchResult {
  /** CPU-seconds a million spans while sending and settling, by process. */
  readonly cpuPerMillion: Readonly<Record<string, number>>;
  /** While sending, by thread of the process that takes the spans. */
  readonly cpuPerMillionByThread: Readonly<Record<string, number>>;
  readonly acceptedSpans: number;
  readonly refusedSpans: number;
  readonly spansPerSecond: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
}

export async function benchCluster({ ingesters, port, warmSpans, distributorArgs, ...options }: ClusterBenchOptions): Promise<readonly ClusterBenchResult[]> {
  const names = Array.from({ length: ingesters }, (_, i) => `ingester-${i + 1}`);
  return [
    await measure([{ name: 'all', target: 'all', args: distributorArgs }], ingesters, port, warmSpans, options),
    await measure(
      [...names.map((name) => ({ name, target: 'ingester', args: [] })), { name: 'distributor', target: 'distributor', args: distributorArgs }],
      ingesters,
      port,
      warmSpans,
      options,
    ),
  ];
}

interface Part {
  readonly name: string;
  readonly target: string;
  readonly args: readonly string[];
}

/** The last of `parts` takes the spans. */
async function measure(
  parts: readonly Part[],
  replicas: number,
  port: number,
  warmSpans: number,
  options: Omit<LoadOptions, 'url' | 'pids' | 'dir'>,
): Promise<ClusterBenchResult> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vivace-bench-'));
  const children = new Map<string, ChildProcess>();
  try {
    for (const [i, part] of parts.entries()) {
      const file = path.join(dir, `${part.name}.yaml`);
      fs.writeFileSync(file, JSON.stringify(configOf(part, dir, port, i, replicas)));
      children.set(part.name, spawn(process.execPath, [...part.args, MAIN, `-config.file=${file}`], { stdio: ['ignore', 'ignore', 'inherit'] }));
    }
    for (const i of parts.keys()) await ready(`http://127.0.0.1:${port + i * PORTS_A_PROCESS}/ready`);
    const pids = [...children].map(([name, child]): [string, number] => [name, child.pid!]);
    const url = `grpc://127.0.0.1:${port + (parts.length - 1) * PORTS_A_PROCESS + 3}`;
    if (warmSpans > 0) await load({ ...options, url, spans: warmSpans, settleSec: 0, pids: [], dir: undefined });
    const before = new Map(pids.map(([name, pid]) => [name, cpuMsOf([pid])]));
    const result = await load({ ...options, url, pids: [pids.at(-1)![1]], dir: undefined });
    const cpu = pids.map(([name, pid]) => [name, round((cpuMsOf([pid]) - before.get(name)!) / 1_000 / (result.acceptedSpans / 1e6))]);
    const { acceptedSpans, refusedSpans, spansPerSecond, latencyP50Ms, latencyP99Ms, cpuPerMillionByThread } = result;
    return {
      cpuPerMillion: Object.fromEntries(cpu) as Record<string, number>,
      cpuPerMillionByThread,
      acceptedSpans,
      refusedSpans,
      spansPerSecond,
      latencyP50Ms,
      latencyP99Ms,
    };
  } finally {
    await Promise.all([...children.values()].map(end));
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

function configOf({ name, target }: Part, dir: string, firstPort: number, index: number, replicas: number): object {
  const port = firstPort + index * PORTS_A_PROCESS;
  return {
    target,
    server: { http_listen_address: '127.0.0.1', http_listen_port: port, grpc_listen_address: '127.0.0.1', grpc_listen_port: port + 1, log_level: 'warn' },
    distributor: { receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port + 3}` }, http: { endpoint: `127.0.0.1:${port + 4}` } } } } },
    memberlist: {
      node_name: name,
      randomize_node_name: false,
      bind_addr: ['127.0.0.1'],
      bind_port: port + 2,
      advertise_addr: '127.0.0.1',
      advertise_port: port + 2,
      join_members: Array.from({ length: replicas }, (_, i) => `127.0.0.1:${firstPort + i * PORTS_A_PROCESS + 2}`),
      min_join_backoff: '100ms',
      abort_if_cluster_join_fails: false,
    },
    ingester: {
      lifecycler: { id: name, address: '127.0.0.1', min_ready_duration: '1s', ring: { replication_factor: replicas, kvstore: { store: 'memberlist' } } },
    },
    storage: { trace: { backend: 'local', local: { path: path.join(dir, 'store') }, wal: { path: path.join(dir, name) } } },
    overrides: { defaults: { ingestion: { rate_limit_bytes: 1e12, burst_size_bytes: 1e12, max_traces_per_user: 0 } } },
  };
}

async function ready(url: string): Promise<void> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    const isReady = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    if (Date.now() > deadline) throw new Error(`${url} is not ready after ${READY_MS} ms`);
    await sleep(100);
  }
}

async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
