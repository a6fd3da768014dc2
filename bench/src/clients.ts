import { setTimeout as sleep } from 'node:timers/promises';
import { histogramOf, quantileOf } from './prometheus-text.ts';
import { questions } from './questions.ts';
import { seeded } from './random.ts';

export interface ClientsOptions {
  readonly url: string;
  readonly clients: number;
  readonly seconds: number;
  /** Mean pause of a client between an answer and its next question; 0: none. */
  readonly thinkMs: number;
  readonly seed: number;
  /** Trace ids to ask for. */
  readonly ids: readonly string[];
  /** Unix second from which on there is data. */
  readonly startSec: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface KindResult {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface ClientsResult {
  readonly requests: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly byKind: Readonly<Record<string, KindResult>>;
  /** Upper bounds of the longest delay of the event loop in each second; undefined when the server does not tell. */
  readonly eventLoopP99Ms: number | undefined;
  readonly eventLoopMaxMs: number | undefined;
}

const EVENT_LOOP = 'vivace_event_loop_delay_seconds';
const TIMEOUT_MS = 30_000;

/** Many clients that ask what Grafana asks, one question after the other each, over a range that ends now. */
export async function runClients(options: ClientsOptions): Promise<ClientsResult> {
  const { url, headers } = options;
  const until = Date.now() + options.seconds * 1_000;
  const timings = new Map<string, number[]>();
  const errors: Record<string, number> = {};
  const before = await metricsOf(url, headers);
  const client = async (number: number): Promise<void> => {
    const random = seeded(options.seed * 1_000 + number);
    await sleep(random() * options.thinkMs);
    while (Date.now() < until) {
      const asked = questions(options.startSec, Math.ceil(Date.now() / 1_000), options.ids);
      const { path } = asked[Math.floor(random() * asked.length)];
      const kind = path.startsWith('/api/v2/traces')
        ? 'trace by id'
        : path.includes('/search/tag')
          ? 'tags'
          : path.includes('/metrics/')
            ? 'metrics'
            : 'search';
      const at = performance.now();
      const error = await askOnce(url + path, headers);
      const list = timings.get(kind) ?? [];
      timings.set(kind, list);
      list.push(performance.now() - at);
      if (error !== undefined) errors[`${kind}: ${error}`] = (errors[`${kind}: ${error}`] ?? 0) + 1;
      if (options.thinkMs > 0) await sleep(options.thinkMs * (0.5 + random()));
    }
  };
  await Promise.all(Array.from({ length: options.clients }, (_, number) => client(number)));
  const buckets = histogramOf(await metricsOf(url, headers), before, EVENT_LOOP);
  const all = [...timings.values()].flat();
  return {
    requests: all.length,
    errors,
    ...percentiles(all),
    byKind: Object.fromEntries([...timings].sort().map(([kind, list]) => [kind, { requests: list.length, ...percentiles(list) }])),
    eventLoopP99Ms: inMs(quantileOf(buckets, 0.99)),
    eventLoopMaxMs: inMs(quantileOf(buckets, 1)),
  };
}

/** What went wrong, or undefined. An unknown trace is an answer. */
async function askOnce(url: string, headers: Readonly<Record<string, string>>): Promise<string | undefined> {
  try {
    const response = await fetch(url, { headers: { ...headers }, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const body = await response.text();
    return response.ok || (response.status === 404 && url.includes('/traces/')) ? undefined : `${response.status} ${body.slice(0, 80)}`;
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

async function metricsOf(url: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const response = await fetch(`${url}/metrics`, { headers: { ...headers } });
  return response.ok ? response.text() : '';
}

function percentiles(ms: readonly number[]): { readonly p50Ms: number; readonly p99Ms: number } {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (share: number) => Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1));
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

function inMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Number((seconds * 1_000).toFixed(1));
}
