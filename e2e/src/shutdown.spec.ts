import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newTraceId, tracesOf } from './otlp-json.ts';
import { search } from './trace-answer.ts';
import { Vivace } from './vivace.ts';

// However the process ends under load, what it acknowledged is found by the next one.

const SPANS_PER_TRACE = 3;
const SENDERS = 3;

let vivace: Vivace;
beforeEach(async () => {
  vivace = await Vivace.create();
  await vivace.start();
});
afterEach(async () => {
  await vivace.destroy();
  expect(vivace.errors()).toEqual([]);
});

/** Sends until the process is gone; resolves with the ids of what was acknowledged. */
async function sendUntilGone(): Promise<readonly string[]> {
  const acknowledged: string[] = [];
  const sender = async () => {
    for (;;) {
      const id = newTraceId();
      let status: number;
      try {
        const response = await fetch(`${vivace.otlpHttp}/v1/traces`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(tracesOf('shutdown', [id], SPANS_PER_TRACE)),
        });
        status = response.status;
        await response.arrayBuffer();
      } catch {
        return;
      }
      if (status === 200) acknowledged.push(id);
      // Refused while it is stopping.
      else await sleep(5);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
  return acknowledged;
}

async function expectFound(acknowledged: readonly string[]): Promise<void> {
  expect(acknowledged.length).toBeGreaterThan(SENDERS);
  const found = await search(vivace, '{ resource.service.name = "shutdown" }');
  const ids = new Set(found.map(({ traceID }) => traceID));
  expect(ids.size, 'a trace is listed once').toBe(found.length);
  expect(acknowledged.filter((id) => !ids.has(id))).toEqual([]);
  for (const { spanSets } of found) expect(spanSets.map(({ matched }) => matched)).toEqual([SPANS_PER_TRACE]);
}

describe('the end', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('by %s stores everything and exits 0', async (signal) => {
    const sending = sendUntilGone();
    await sleep(500);
    expect(await vivace.kill(signal)).toBe(0);
    const acknowledged = await sending;
    expect(vivace.blocks()).not.toEqual([]);
    await vivace.start();
    await expectFound(acknowledged);
  });

  it('by /shutdown stores everything and exits 0', async () => {
    const sending = sendUntilGone();
    await sleep(500);
    expect((await fetch(`${vivace.http}/shutdown`, { method: 'POST' })).status).toBe(200);
    expect(await vivace.ended()).toBe(0);
    const acknowledged = await sending;
    expect(vivace.blocks()).not.toEqual([]);
    await vivace.start();
    await expectFound(acknowledged);
  });

  it('by a second SIGTERM comes at once, and nothing acknowledged is lost', async () => {
    const sending = sendUntilGone();
    await sleep(500);
    process.kill(vivace.pid, 'SIGTERM');
    // Sooner it would pass for the same signal.
    await sleep(250);
    const code = await vivace.kill('SIGTERM');
    // The first may have been done before the second arrived.
    if (code !== 0) {
      expect(code).toBe(1);
      expect(vivace.log).toContain('stopping at once');
    }
    const acknowledged = await sending;
    await vivace.start();
    await expectFound(acknowledged);
  });
});

it('/flush under load stores what was acknowledged before it', async () => {
  const ids = Array.from({ length: 20 }, newTraceId);
  for (const id of ids) await vivace.push(tracesOf('shutdown', [id], SPANS_PER_TRACE));
  const sending = sendUntilGone();
  await vivace.flush();
  const blocks = vivace.blocks().length;
  expect(blocks).toBeGreaterThan(0);
  await vivace.kill('SIGKILL');
  const acknowledged = await sending;
  await vivace.start();
  await expectFound([...ids, ...acknowledged]);
});
