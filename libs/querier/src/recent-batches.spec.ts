import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { hex } from '@vivace/base';
import { writePart } from '@vivace/part';
import { plainTraces, tableOf } from '@vivace/testkit';
import { orderByTrace, TableColumns, TraceAppender } from '@vivace/trace';
import type { SpanColumns } from '@vivace/trace';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTrace } from './find-trace.ts';
import { openRecent } from './recent-batches.ts';

let dir: string;
beforeAll(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'recent-'));
});
afterAll(() => {
  fs.rmSync(dir, { recursive: true });
});

async function spansOf(batches: readonly SpanColumns[]): Promise<string[]> {
  const out: string[] = [];
  for (const batch of batches) {
    await batch.load({ columns: new Set(['traceId', 'spanId', 'kind']), attrs: [] });
    const [ids, spans, bounds, kinds] = [batch.traceIds(), batch.spanIds(), batch.traceSpans(), batch.kind()];
    for (let t = 0; t < batch.traceCount; t++) {
      out.push(`trace ${hex(ids, t * 16, t * 16 + 16)}`);
      for (let i = bounds[t]; i < bounds[t + 1]; i++) out.push(`${hex(ids, t * 16, t * 16 + 16)}/${hex(spans, i * 8, i * 8 + 8)}/${kinds[i]}`);
    }
  }
  return out.sort();
}

describe('openRecent', () => {
  it('gives every trace once and whole, wherever its spans lie', async () => {
    let n = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(plainTraces({ maxTraces: 5 }), fc.boolean()), { maxLength: 4 }), async (pieces) => {
        const tables = pieces.filter(([, part]) => !part).map(([traces]) => tableOf(traces).handle());
        const parts = pieces
          .filter(([, part]) => part)
          .map(([traces]) => writePart(tableOf(traces), { path: path.join(dir, `${n++}.part`), tenant: 't', watermark: { segment: 0, offset: 0 } }).path);
        const all = pieces.flatMap(([traces]) => traces);
        const want = new Set(all.flatMap((t) => [`trace ${t.traceId}`, ...t.spans.map((s) => `${t.traceId}/${s.spanId}/${s.kind}`)]));
        const kept = new Map<string, object>();
        for (let i = 0; i < 2; i++) {
          const recent = openRecent(tables, parts, kept);
          try {
            expect(await spansOf(recent.batches)).toEqual([...want].sort());
          } finally {
            recent.close();
          }
          expect(kept.size).toBe(parts.length + tables.length);
        }
      }),
      { numRuns: 60 },
    );
  });
});

it('sees what a table got since the query before, and what it holds when it is used again', async () => {
  const [first, second, third] = fc.sample(
    plainTraces().filter((traces) => traces.some(({ spans }) => spans.length > 0)),
    { numRuns: 3, seed: 7 },
  );
  const table = tableOf(first);
  const kept = new Map<string, object>();
  const seen = async (): Promise<string[]> => spansOf(openRecent([table.handle()], [], kept).batches);
  const before = await seen();
  expect(await seen()).toEqual(before);
  new TraceAppender(tableOf(second), table).append(orderByTrace(tableOf(second)));
  expect(await seen()).toEqual(await spansOf([new TableColumns(table)]));
  table.clear();
  new TraceAppender(tableOf(third), table).append(orderByTrace(tableOf(third)));
  expect(await seen()).toEqual(await spansOf([new TableColumns(tableOf(third))]));
});

describe('findTrace', () => {
  it('assembles one trace from tables and parts and does not find others', async () => {
    const [a, b] = fc.sample(
      plainTraces().filter((t) => t.length > 2),
      { numRuns: 2, seed: 5 },
    );
    const part = writePart(tableOf(b), { path: path.join(dir, 'find.part'), tenant: 't', watermark: { segment: 0, offset: 0 } }).path;
    const sources = { tenant: 't' as never, tables: [tableOf(a).handle()], parts: [part], blocks: [] };
    const none = { parts: new Map<string, object>(), open: () => Promise.reject(new Error('no blocks here')) };
    const ids = new Set([...a, ...b].map((t) => t.traceId));
    for (const id of [...ids, 'f'.repeat(32)]) {
      const { trace } = await findTrace({ sources, traceId: Uint8Array.from(Buffer.from(id, 'hex')) }, none, new AbortController().signal);
      const want = new Set([...a, ...b].filter((t) => t.traceId === id).flatMap((t) => t.spans.map((s) => `${s.spanId}/${s.kind}`)));
      expect(trace?.counts.spanCount ?? 0).toBe(want.size);
    }
  });
});
