import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Vivace } from './vivace.ts';

// kill -9 at random instants under load, and now and then while it starts again; afterwards everything that was acknowledged is found, nothing twice, live and from blocks.

const ROUNDS = 50;
const SENDERS = 3;
/** Rounds after which everything ever acknowledged is asked for, not only what is new. */
const FULL_CHECK_EVERY = 10;
const SPANS_PER_TRACE = 4;
/** Rounds after which the process is killed once more while it starts. */
const KILL_START_EVERY = 4;
const TRACES_PER_REQUEST = 5;

let vivace: Vivace;
beforeAll(async () => {
  // Short periods, so that cuts, parts and blocks are under way when the process dies.
  vivace = await Vivace.create({ ingester: { trace_idle_period: '200ms', trace_live_period: '400ms', flush_check_period: '100ms', max_block_duration: '1s' } });
});
afterAll(() => vivace.destroy());

let sequence = 0;
const idOf = (n: number, digits: number) => n.toString(16).padStart(digits, '0');

/** A request of whole traces; returns their ids too. */
function request(): { body: string; ids: string[] } {
  const ids: string[] = [];
  const spans: object[] = [];
  const now = BigInt(Date.now()) * 1_000_000n;
  for (let t = 0; t < TRACES_PER_REQUEST; t++) {
    // Mixed, so that ids do not come in order.
    const traceId = idOf(Math.imul(++sequence, 0x9e3779b1) >>> 0, 8) + idOf(sequence, 24);
    ids.push(traceId);
    for (let s = 1; s <= SPANS_PER_TRACE; s++) {
      spans.push({
        traceId,
        spanId: idOf(s, 16),
        parentSpanId: s === 1 ? '' : idOf(s - 1, 16),
        name: `step-${s}`,
        kind: 1,
        startTimeUnixNano: String(now + BigInt(s)),
        endTimeUnixNano: String(now + BigInt(s + 1000)),
        attributes: [{ key: 'sequence', value: { intValue: String(sequence) } }],
      });
    }
  }
  return {
    body: JSON.stringify({
      resourceSpans: [{ resource: { attributes: [{ key: 'service.name', value: { stringValue: 'crash' } }] }, scopeSpans: [{ spans }] }],
    }),
    ids,
  };
}

/** Sends until the process dies; ids whose request was answered 200 are acknowledged. */
async function sendUntilDead(acknowledged: Set<string>, stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    const { body, ids } = request();
    try {
      const response = await fetch(`${vivace.otlpHttp}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      const text = await response.text();
      if (response.status === 200) {
        expect(text).toBe('{"partialSuccess":{}}');
        for (const id of ids) acknowledged.add(id);
      }
    } catch {
      return;
    }
  }
}

interface TraceAnswer {
  trace?: { resourceSpans?: { scopeSpans: { spans: { spanId: string }[] }[] }[] };
}

async function problemsOf(ids: Iterable<string>): Promise<string[]> {
  const problems: string[] = [];
  const queue = [...ids];
  const worker = async () => {
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      const { status, body } = await vivace.get(`/api/v2/traces/${id}`);
      const spans = status === 200 ? ((JSON.parse(body) as TraceAnswer).trace?.resourceSpans ?? []).flatMap((r) => r.scopeSpans).flatMap((s) => s.spans) : [];
      const distinct = new Set(spans.map((s) => s.spanId)).size;
      if (spans.length !== SPANS_PER_TRACE || distinct !== SPANS_PER_TRACE)
        problems.push(`${id}: status ${status}, ${spans.length} spans, ${distinct} distinct`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return problems;
}

/** Ids of all traces a search from `startSec` on finds; fails on a trace listed twice. */
async function searched(startSec: number): Promise<Set<string>> {
  const now = Math.ceil(Date.now() / 1000);
  const { status, body } = await vivace.get(
    `/api/search?q=${encodeURIComponent('{ resource.service.name = "crash" }')}&limit=200000&spss=1&start=${startSec}&end=${now + 60}`,
  );
  expect(status).toBe(200);
  const traces = (JSON.parse(body) as { traces: { traceID: string; spanSets: { matched: number }[] }[] }).traces;
  const ids = new Set(traces.map((t) => t.traceID));
  expect(ids.size, 'a trace is listed once').toBe(traces.length);
  expect(
    traces.filter((t) => t.spanSets[0].matched !== SPANS_PER_TRACE),
    'every span counts once',
  ).toEqual([]);
  return ids;
}

it(`loses no acknowledged span and doubles none over ${ROUNDS} kills`, async () => {
  const acknowledged = new Set<string>();
  const began = Math.floor(Date.now() / 1000);
  await vivace.start();
  for (let round = 1; round <= ROUNDS; round++) {
    const fresh = new Set<string>();
    const roundBegan = Math.floor(Date.now() / 1000);
    let dead = false;
    const senders = Array.from({ length: SENDERS }, () => sendUntilDead(fresh, () => dead));
    await sleep(50 + Math.random() * 450);
    await vivace.kill('SIGKILL');
    dead = true;
    await Promise.all(senders);
    for (const id of fresh) acknowledged.add(id);
    if (round % KILL_START_EVERY === 0) {
      const starting = vivace.start().catch(() => undefined);
      await sleep(Math.random() * 1_000);
      await vivace.kill('SIGKILL');
      await starting;
    }
    await vivace.start();
    const full = round % FULL_CHECK_EVERY === 0;
    const found = await searched(full ? began : roundBegan);
    expect(
      [...(full ? acknowledged : fresh)].filter((id) => !found.has(id)),
      `round ${round}: acknowledged and lost`,
    ).toEqual([]);
    expect(await problemsOf([...fresh].slice(-20)), `round ${round}`).toEqual([]);
  }
  expect(acknowledged.size).toBeGreaterThan(ROUNDS * TRACES_PER_REQUEST);
  await vivace.flush();
  await vivace.kill('SIGKILL');
  await vivace.start();
  const stored = await searched(began);
  expect(
    [...acknowledged].filter((id) => !stored.has(id)),
    'lost after completion',
  ).toEqual([]);
  expect(await problemsOf([...acknowledged].filter((_, i) => i % 50 === 0))).toEqual([]);
  expect(vivace.errors()).toEqual([]);
});
