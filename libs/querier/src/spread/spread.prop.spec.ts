import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { mergeSearch, planSearch, searchBatches } from '@vivace/query';
import type { SearchRequest, TraceSearchMetadata } from '@vivace/query';
import { evaluateNaively, fieldExpressions, metricsTexts, plainTraces, searchTexts, tableOf } from '@vivace/testkit';
import type { PlainSpan, PlainTrace } from '@vivace/testkit';
import { TableColumns } from '@vivace/trace';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { canonical, comparable, metricsAgree, parsed } from '../copies/answers.fixture.ts';
import { Cluster, TENANT } from '../copies/cluster.fixture.ts';

// Spans of a trace anywhere: in the head, in parts and in blocks, of one process or of ingesters without copies. Answers are those of everything in one table.

const START_NS = 1_700_000_000_000_000_000n;
const EVER = { startSec: 0, endSec: 4_000_000_000 };
const RUNS = Number(process.env.RUNS ?? 1);

let dir: string;
beforeAll(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'spread-'));
});
afterAll(() => {
  fs.rmSync(dir, { recursive: true });
});

const scenes = fc.record({
  traces: plainTraces({ maxTraces: 10, maxSpans: 6, baseNs: START_NS }).map(comparable),
  /** One: a single process. */
  ingesters: fc.constantFrom(1, 1, 2),
  places: fc.array(fc.constantFrom('table', 'part', 'block', 'block'), { minLength: 2, maxLength: 4 }),
  /** Of each span, modulo the places; spread traces are some of all. */
  deals: fc.array(fc.nat(11), { minLength: 60, maxLength: 60 }),
  isSpread: fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
  rowGroups: fc.integer({ min: 1, max: 3 }),
  /** Every block is there a second time, with replication factor 1. */
  haveTwins: fc.boolean(),
  targetBytes: fc.constantFrom(1, 1_000_000_000),
});
type Scene = typeof scenes extends fc.Arbitrary<infer T> ? T : never;

async function play({ traces, ingesters, places, deals, isSpread, rowGroups, haveTwins, targetBytes }: Scene): Promise<Cluster> {
  const cluster = new Cluster({ dir, size: ingesters, targetBytes, copies: false });
  let n = 0;
  const dealt = places.map((): PlainTrace[] => []);
  traces.forEach(({ traceId, spans }, t) => {
    const own = places.map((): PlainSpan[] => []);
    for (const span of spans) own[deals[isSpread[t % isSpread.length] ? n++ % deals.length : t] % places.length].push(span);
    own.forEach((some, p) => some.length > 0 && dealt[p].push({ traceId, spans: some }));
  });
  for (const [p, data] of dealt.entries()) {
    if (data.length === 0) continue;
    const ingester = cluster.ingesters[p % ingesters];
    if (places[p] === 'table') ingester.tables.push(tableOf(data).handle());
    else if (places[p] === 'part') ingester.parts.push(cluster.writePart(data));
    else {
      cluster.blocks.push(await cluster.writeBlock(data, rowGroups));
      if (haveTwins) cluster.blocks.push({ ...(await cluster.writeBlock(data, rowGroups)), replicationFactor: 1 });
    }
  }
  return cluster;
}

async function searchAgrees(scene: Scene, texts: readonly string[], limit: number): Promise<void> {
  const cluster = await play(scene);
  const table = tableOf(scene.traces);
  for (const text of texts) {
    const query = parsed(text);
    const all: SearchRequest = { query, limit: 1_000, spansPerSpanSet: 1_000, legacy: false, range: EVER };
    const want = mergeSearch([await searchBatches(planSearch(query), [new TableColumns(table)], all)], all);
    expect(want.map(({ traceID }) => traceID).sort()).toEqual(
      evaluateNaively(query, scene.traces)
        .map(({ traceId }) => traceId)
        .sort(),
    );
    expect(canonical((await cluster.querier.search(TENANT, all)).traces)).toEqual(canonical(want));
    const told: TraceSearchMetadata[] = [];
    const newest = await cluster.querier.search(TENANT, { ...all, limit }, { onProgress: (answer) => told.push(...answer().traces) });
    expect(canonical(newest.traces)).toEqual(canonical(want.slice(0, limit)));
    for (const trace of told) expect(newest.traces).toContainEqual(trace);
  }
}

it('finds each trace once and whole, wherever its spans lie, and the newest when asked for few', async () => {
  const queries = fc.oneof(
    fc.constantFrom('{ }', '{ } | count() > 2', '{ } && { duration > 1s }', '{ } >> { }', '{ rootName != "" }', '{ } !< { }', '{ traceDuration > 1s }'),
    searchTexts,
    fieldExpressions.map((expr) => `{ ${expr} }`),
  );
  await fc.assert(fc.asyncProperty(scenes, fc.array(queries, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 4 }), searchAgrees), {
    numRuns: 40 * RUNS,
    endOnFailure: true,
  });
});

it('counts every span once, and what is selected by whole traces', async () => {
  const queries = fc.oneof(
    fc.constantFrom(
      '{ } | count_over_time()',
      '{ } >> { } | count_over_time()',
      '{ } | count() > 2 | rate() by (rootServiceName)',
      '{ } | rate() by (rootName)',
      '{ } | compare({ traceDuration > 1s })',
      '{ } && { kind = server } | count_over_time()',
    ),
    metricsTexts,
  );
  await fc.assert(
    fc.asyncProperty(scenes, fc.array(queries, { minLength: 1, maxLength: 3 }), async (scene, texts) =>
      metricsAgree(await play(scene), scene.traces, START_NS, texts),
    ),
    { numRuns: 30 * RUNS, endOnFailure: true },
  );
});
