import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Cluster, ClusterMember } from './cluster.ts';
import { newTraceId, requestOf, spanOf } from './otlp-json.ts';
import { findTrace, search } from './trace-answer.ts';

// Senders as senders are: what is refused or unanswered is sent again until it is taken. Readers ask all the time for what was acknowledged, and what they ask for must be there.

const SENDERS = 2;
const TRACES_PER_REQUEST = 4;
const REQUESTS_PER_TRACE = 2;
const SPANS_PER_REQUEST = 2;
const SPANS_PER_TRACE = REQUESTS_PER_TRACE * SPANS_PER_REQUEST;
/** Between two requests of a sender: 2 senders then send about 320 spans a second. */
const PAUSE_MS = 40;
const RETRY_MS = 100;
const PUSH_TIMEOUT_MS = 10_000;
const READ_PAUSE_MS = 15;
/** Of the traces that were checked before, how many are asked for by id once more. */
const OLD_SAMPLE = 20;
const NEW_SAMPLE = 60;
const CHECKS_AT_A_TIME = 4;
const SERVICE = 'cluster';

interface Trace {
  readonly id: string;
  /** Acknowledged. */
  spans: number;
  acknowledgedMs: number;
}

/** A stretch of failed reads through one frontend, from the first one that failed to the first that worked. */
export interface Outage {
  readonly frontend: string;
  readonly ms: number;
  readonly failures: number;
  readonly reason: string;
}

export class ClusterLoad {
  readonly #cluster: Cluster;
  readonly #all: Trace[] = [];
  readonly #beganSec = Math.floor(Date.now() / 1_000);
  #checked = 0;
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();
  #nextDoor = 0;
  /** Answers that lacked what had been acknowledged, or had something twice. */
  readonly wrong: string[] = [];
  readonly outages: Outage[] = [];
  reads = 0;
  /** Requests that were refused or unanswered and sent again. */
  retries = 0;
  /** The longest time a request needed, with all its retries. */
  longestPushMs = 0;
  /** The longest time a trace by id took, found or not. */
  longestReadMs = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  get acknowledged(): number {
    return this.#all.length;
  }

  start(): void {
    const senders = Array.from({ length: SENDERS }, () => this.#send());
    const readers = [...this.#cluster.all('query-frontend'), ...this.#cluster.all('gateway')].map((door) => this.#read(door));
    this.#running = Promise.all([...senders, ...readers]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Every trace ever acknowledged is found once by search, whole; what is new also by id, and some of what is old. */
  async expectAllFound(when: string): Promise<void> {
    expect(this.wrong.splice(0), `${when}: read while it happened`).toEqual([]);
    const wanted = this.#all.map((trace) => ({ ...trace }));
    for (const frontend of this.#cluster.running('query-frontend')) {
      const traces = await search(frontend, `{ resource.service.name = "${SERVICE}" }`, {}, this.#beganSec);
      const found = new Map(traces.map(({ traceID, spanSets }) => [traceID, spanSets[0].matched]));
      expect(found.size, `${when}: a trace is listed once`).toBe(traces.length);
      expect(
        wanted
          .filter(({ id, spans }) => (found.get(id) ?? 0) < spans)
          .map(({ id, spans, acknowledgedMs }) => `${id} of ${acknowledgedMs}: ${found.get(id) ?? 0} of ${spans}`),
        `${when}: acknowledged and lost in search`,
      ).toEqual([]);
      expect(
        [...found].filter(([, matched]) => matched > SPANS_PER_TRACE),
        `${when}: doubled in search`,
      ).toEqual([]);
    }
    const toAsk = [...sample(wanted.slice(this.#checked), NEW_SAMPLE), ...sample(wanted.slice(0, this.#checked), OLD_SAMPLE)];
    const frontends = this.#cluster.running('query-frontend');
    const checker = async (_: unknown, i: number): Promise<void> => {
      for (let trace = toAsk.pop(); trace; trace = toAsk.pop())
        expect(await faultOf(frontends[i % frontends.length], trace.id, trace.spans), `${when}: ${trace.id}`).toBeUndefined();
    };
    await Promise.all(Array.from({ length: CHECKS_AT_A_TIME }, checker));
    this.#checked = wanted.length;
  }

  /** What was not readable since the last call, and for how long. */
  takeOutages(): readonly Outage[] {
    return this.outages.splice(0);
  }

  async #send(): Promise<void> {
    while (!this.#stopped) {
      const traces = Array.from({ length: TRACES_PER_REQUEST }, (): Trace => ({ id: newTraceId(), spans: 0, acknowledgedMs: 0 }));
      for (let part = 0; part < REQUESTS_PER_TRACE && !this.#stopped; part++) {
        const body = JSON.stringify(bodyOf(traces, part));
        const beganMs = Date.now();
        while (!(await this.#push(body)) && !this.#stopped) {
          this.retries++;
          await sleep(RETRY_MS);
        }
        if (this.#stopped) return;
        const nowMs = Date.now();
        this.longestPushMs = Math.max(this.longestPushMs, nowMs - beganMs);
        for (const trace of traces) {
          trace.spans += SPANS_PER_REQUEST;
          trace.acknowledgedMs = nowMs;
          if (part === 0) this.#all.push(trace);
        }
        await sleep(PAUSE_MS);
      }
    }
  }

  /** Through one distributor or gateway after the other, running or not: whether it was acknowledged. */
  async #push(body: string): Promise<boolean> {
    const doors = [...this.#cluster.all('distributor'), ...this.#cluster.all('gateway')];
    const { otlpHttp } = doors[this.#nextDoor++ % doors.length];
    try {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${otlpHttp}/v1/traces`, { method: 'POST', headers, body, signal: AbortSignal.timeout(PUSH_TIMEOUT_MS) });
      const text = await response.text();
      if (response.status === 200 && text !== '{"partialSuccess":{}}') this.wrong.push(`a push was taken in part: ${text}`);
      return response.status === 200;
    } catch {
      return false;
    }
  }

  /** Asks one frontend, or gateway, for one trace after the other: the last ones, those whose block is being handed over, and any. */
  async #read(frontend: ClusterMember): Promise<void> {
    let failure: { readonly sinceMs: number; count: number; readonly reason: string } | undefined;
    for (let n = 0; !this.#stopped; n++) {
      await sleep(READ_PAUSE_MS);
      if (!frontend.isRunning || this.#all.length === 0) continue;
      const { id, spans, acknowledgedMs } = this.#all[this.#pick(n)];
      const beganMs = Date.now();
      try {
        const fault = await faultOf(frontend, id, spans);
        this.reads++;
        if (fault !== undefined)
          this.wrong.push(`${new Date(beganMs).toISOString()} ${frontend.name}: ${fault}, acknowledged ${beganMs - acknowledgedMs} ms ago`);
        if (failure) this.outages.push({ frontend: frontend.name, ms: Date.now() - failure.sinceMs, failures: failure.count, reason: failure.reason });
        failure = undefined;
      } catch (reason) {
        // One that is being restarted is not asked.
        if (!frontend.isRunning || isGone(reason)) continue;
        failure ??= { sinceMs: beganMs, count: 0, reason: String(reason) };
        failure.count++;
      } finally {
        this.longestReadMs = Math.max(this.longestReadMs, Date.now() - beganMs);
      }
    }
    if (failure) this.outages.push({ frontend: frontend.name, ms: Date.now() - failure.sinceMs, failures: failure.count, reason: failure.reason });
  }

  #pick(n: number): number {
    const { length } = this.#all;
    if (n % 3 === 0) return length - 1;
    const among = n % 3 === 1 ? Math.min(length, 2_000) : length;
    return length - 1 - Math.floor(Math.random() * among);
  }
}

/** What is wrong with the answer: spans missing or twice. Rejects when there is no answer. */
async function faultOf(frontend: ClusterMember, id: string, atLeast: number): Promise<string | undefined> {
  const spanIds = (await findTrace(frontend, id)).map(({ spanId }) => spanId);
  if (new Set(spanIds).size !== spanIds.length) return `trace ${id} has spans twice: ${spanIds.join(' ')}`;
  return spanIds.length < atLeast ? `trace ${id} has ${spanIds.length} of ${atLeast} spans` : undefined;
}

function isGone(reason: unknown): boolean {
  return reason instanceof TypeError && /ECONNREFUSED|ECONNRESET|other side closed/.test(String((reason.cause as Error | undefined)?.message));
}

function sample<T>(items: readonly T[], count: number): readonly T[] {
  const step = Math.max(1, Math.floor(items.length / count));
  return items.filter((_, i) => i % step === 0);
}

/** Part `part` of each trace. */
function bodyOf(traces: readonly Trace[], part: number): object {
  const idOf = (n: number): string => n.toString(16).padStart(16, '0');
  return requestOf(
    SERVICE,
    traces.flatMap(({ id: traceId }) =>
      Array.from({ length: SPANS_PER_REQUEST }, (_, i) => {
        const n = part * SPANS_PER_REQUEST + i + 1;
        return spanOf({ traceId, spanId: idOf(n), parentSpanId: n === 1 ? '' : idOf(n - 1), name: `step-${n}` });
      }),
    ),
  );
}
