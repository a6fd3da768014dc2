import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newTraceId, requestOf, spanOf } from './otlp-json.ts';
import { findTrace, search } from './trace-answer.ts';
import { Vivace } from './vivace.ts';

// kill -9 at random instants under load, and now and then while it starts again; afterwards everything that was acknowledged is found, nothing twice, live
// and from blocks. Each trace comes in two requests, and senders do as senders do: what was not answered is sent again, some of what was answered too.

const ROUNDS = 50;
const SENDERS = 3;
const TRACES_PER_REQUEST = 5;
const REQUESTS_PER_TRACE = 2;
const SPANS_PER_REQUEST = 2;
const SPANS_PER_TRACE = REQUESTS_PER_TRACE * SPANS_PER_REQUEST;
/** Rounds after which everything ever acknowledged is asked for, not only what is new. */
const FULL_CHECK_EVERY = 10;
/** Rounds after which the process is killed once more while it starts. */
const KILL_START_EVERY = 4;
/** Rounds after which a request that was answered is sent once more. */
const REPEAT_AFTER = 5;
/** Traces of a round that are fetched by id; the others are searched for. */
const FETCHED_PER_ROUND = 20;

interface Request {
  readonly body: string;
  readonly traceIds: readonly string[];
}

/** Spans acknowledged, by trace id. */
type Acknowledged = Map<string, number>;

let vivace: Vivace;
beforeAll(async () => {
  // Short periods, so that cuts, parts, blocks and merges of blocks are under way when the process dies.
  vivace = await Vivace.create({
    ingester: { trace_idle_period: '200ms', trace_live_period: '400ms', flush_check_period: '100ms', max_block_duration: '1s' },
    more: 'compactor: { compaction: { compaction_cycle: 500ms } }',
  });
});
afterAll(() => vivace.destroy());

it(`loses no acknowledged span and doubles none over ${ROUNDS} kills`, async () => {
  const all: Acknowledged = new Map();
  const began = nowSec();
  const toRepeat: Request[] = [];
  let retried = 0;
  await vivace.start();
  for (let round = 1; round <= ROUNDS; round++) {
    const fresh: Acknowledged = new Map();
    const roundBegan = nowSec();
    let dead = false;
    const answered: Request[] = [];
    const senders = Array.from({ length: SENDERS }, () => sendUntilDead(fresh, answered, () => dead));
    await sleep(50 + Math.random() * 450);
    await vivace.kill('SIGKILL');
    dead = true;
    const unanswered = (await Promise.all(senders)).filter((request) => request !== undefined);

    if (round % KILL_START_EVERY === 0) {
      const starting = vivace.start().catch(() => undefined);
      await sleep(Math.random() * 1_000);
      await vivace.kill('SIGKILL');
      await starting;
    }
    await vivace.start();
    await expectFound(fresh, roundBegan, `round ${round}, before what is sent again`);
    for (const request of unanswered) {
      expect(await send(request)).toBe(true);
      count(fresh, request);
    }
    // Long since in blocks, from another sender's queue.
    const old = toRepeat.at(-REPEAT_AFTER);
    for (const request of [...answered.slice(-3), ...(old ? [old] : [])]) expect(await send(request)).toBe(true);
    toRepeat.push(...answered.slice(0, 1));
    retried += unanswered.length;

    for (const [id, spans] of fresh) all.set(id, spans);
    await expectFound(fresh, roundBegan, `round ${round}`);
    if (round % FULL_CHECK_EVERY === 0) await expectFound(all, began, `all up to round ${round}`);
    for (const [id, spans] of [...fresh].slice(-FETCHED_PER_ROUND)) await expectWhole(id, spans);
  }
  expect(retried).toBeGreaterThan(ROUNDS);
  await vivace.flush();
  await vivace.kill('SIGKILL');
  await vivace.start();
  await expectFound(all, began, 'all, from blocks');
  for (const [id, spans] of [...all].filter((_, i) => i % 50 === 0)) await expectWhole(id, spans);
  expect(vivace.errors()).toEqual([]);
});

const nowSec = (): number => Math.floor(Date.now() / 1000);
const spanIdOf = (n: number): string => n.toString(16).padStart(16, '0');

/** The requests of a few traces, a part of each trace in each. */
function requestsOf(traceIds: readonly string[]): readonly Request[] {
  return Array.from({ length: REQUESTS_PER_TRACE }, (_, part) => {
    const spans = traceIds.flatMap((traceId) =>
      Array.from({ length: SPANS_PER_REQUEST }, (_unused, i) => {
        const n = part * SPANS_PER_REQUEST + i + 1;
        return spanOf({ traceId, spanId: spanIdOf(n), parentSpanId: n === 1 ? '' : spanIdOf(n - 1), name: `step-${n}` });
      }),
    );
    return { body: JSON.stringify(requestOf('crash', spans)), traceIds };
  });
}

/** True when the request was acknowledged, false when it was refused; rejects when there was no answer. */
async function send({ body }: Request): Promise<boolean> {
  const response = await fetch(`${vivace.otlpHttp}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const text = await response.text();
  if (response.status === 200) expect(text).toBe('{"partialSuccess":{}}');
  return response.status === 200;
}

function count(acknowledged: Acknowledged, { traceIds }: Request): void {
  for (const id of traceIds) acknowledged.set(id, (acknowledged.get(id) ?? 0) + SPANS_PER_REQUEST);
}

/** Sends until the process dies; resolves with the request that got no answer. */
async function sendUntilDead(acknowledged: Acknowledged, answered: Request[], stopped: () => boolean): Promise<Request | undefined> {
  while (!stopped()) {
    for (const request of requestsOf(Array.from({ length: TRACES_PER_REQUEST }, newTraceId))) {
      try {
        if (!(await send(request))) continue;
      } catch {
        return request;
      }
      answered.push(request);
      count(acknowledged, request);
    }
  }
  return undefined;
}

/** Every trace is listed once, with all of its spans that were acknowledged and none of them twice. */
async function expectFound(acknowledged: Acknowledged, startSec: number, when: string): Promise<void> {
  const traces = await search(vivace, '{ resource.service.name = "crash" }', {}, startSec);
  const found = new Map(traces.map(({ traceID, spanSets }) => [traceID, spanSets[0].matched]));
  expect(found.size, `${when}: a trace is listed once`).toBe(traces.length);
  expect(
    [...acknowledged].filter(([id, spans]) => (found.get(id) ?? 0) < spans),
    `${when}: acknowledged and lost`,
  ).toEqual([]);
  expect(
    [...found].filter(([, matched]) => matched > SPANS_PER_TRACE),
    `${when}: doubled`,
  ).toEqual([]);
}

async function expectWhole(id: string, atLeast: number): Promise<void> {
  const spanIds = (await findTrace(vivace, id)).map(({ spanId }) => spanId);
  expect(new Set(spanIds).size, `${id}: doubled`).toBe(spanIds.length);
  expect(spanIds.length, id).toBeGreaterThanOrEqual(atLeast);
}
