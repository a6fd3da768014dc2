import type { TenantId } from '@vivace/base';
import { plainTraces, tableOf } from '@vivace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyTasks } from './copy-tasks.ts';
import { ID_BYTES } from './id-range.ts';

const BASE_SEC = 1_700_000_000;
const [traces] = fc.sample(
  plainTraces({ baseNs: BigInt(BASE_SEC) * 1_000_000_000n }).filter((all) => all.length > 3),
  { numRuns: 1, seed: 3 },
);
const tasks = copyTasks({ parts: new Map<string, object>(), open: () => Promise.reject(new Error('no blocks here')) });
const context = { signal: new AbortController().signal, throwIfAborted: () => undefined };
const sources = { tenant: 't' as TenantId, tables: [tableOf(traces).handle()], parts: [], blocks: [] };

async function reported(more: object): Promise<number> {
  return (await tasks.digests({ sources: { ...sources, ...more } }, context)).ids.length / ID_BYTES;
}

describe('digests', () => {
  it('are of the traces in the range', async () => {
    expect(await reported({})).toBe(traces.length);
    const ids = traces.map(({ traceId }) => traceId).sort();
    const range = { from: Buffer.from(ids[1], 'hex'), to: Buffer.from(ids[3], 'hex') };
    expect(await reported({ range })).toBe(2);
  });

  it('are left out when nothing is near a time long ago', async () => {
    expect(await reported({ longAgo: { startSec: BASE_SEC - 100, endSec: BASE_SEC - 10 } })).toBe(traces.length);
    expect(await reported({ longAgo: { startSec: BASE_SEC - 2_000, endSec: BASE_SEC - 1_000 } })).toBe(0);
    expect(await reported({ longAgo: { startSec: BASE_SEC + 1_000, endSec: BASE_SEC + 2_000 } })).toBe(0);
  });

  it('differ exactly where spans do', async () => {
    const [trace] = traces.filter(({ spans }) => new Set(spans.map(({ spanId }) => spanId)).size > 2);
    const digestOf = async (spans: typeof trace.spans) => [
      ...(await tasks.digests({ sources: { ...sources, tables: [tableOf([{ ...trace, spans }]).handle()] } }, context)).words,
    ];
    const whole = await digestOf(trace.spans);
    expect(await digestOf([...trace.spans].reverse())).toEqual(whole);
    expect(await digestOf([...trace.spans, ...trace.spans])).toEqual(whole);
    expect(await digestOf(trace.spans.slice(1))).not.toEqual(whole);
    expect(await digestOf([...trace.spans.slice(1), { ...trace.spans[0], spanId: 'abcdef0000000000' }])).not.toEqual(whole);
  });
});
