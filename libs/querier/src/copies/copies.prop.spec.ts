import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AppError } from '@vivace/base';
import { mergeSearch, planSearch, searchBatches } from '@vivace/query';
import type { SearchRequest, TraceSearchMetadata } from '@vivace/query';
import { fieldExpressions, metricsTexts, plainTraces, searchTexts, tableOf } from '@vivace/testkit';
import type { PlainSpan, PlainTrace } from '@vivace/testkit';
import { TableColumns } from '@vivace/trace';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { canonical, comparable, metricsAgree, parsed } from './answers.fixture.ts';
import { Cluster, TENANT } from './cluster.fixture.ts';

const RF = 3;
const START_NS = 1_700_000_000_000_000_000n;
const ROUNDS = 3;
const RUNS = Number(process.env.RUNS ?? 1);

let dir: string;
beforeAll(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'copies-'));
});
afterAll(() => {
  fs.rmSync(dir, { recursive: true });
});

/** What an ingester does once it has a round of pushes with all it holds. */
type Step = 'nothing' | 'seal' | 'part' | 'block' | 'block that is kept' | 'block that is not known yet';
const steps = fc.constantFrom<Step>('nothing', 'seal', 'part', 'block', 'block that is kept', 'block that is not known yet');

const scenes = fc.record({
  traces: plainTraces({ maxTraces: 10, maxSpans: 6, baseNs: START_NS }).map(comparable),
  size: fc.integer({ min: 3, max: 5 }),
  /** For each span: when it comes, and which of its three replicas misses it; two are a quorum. */
  deals: fc.array(fc.record({ round: fc.integer({ min: 0, max: ROUNDS - 1 }), missing: fc.constantFrom(-1, -1, -1, -1, 0, 1, 2) }), {
    minLength: 60,
    maxLength: 60,
  }),
  steps: fc.array(fc.array(steps, { minLength: 5, maxLength: 5 }), { minLength: ROUNDS, maxLength: ROUNDS }),
  rowGroups: fc.integer({ min: 1, max: 4 }),
  /** Blocks become one: how many, from which on. */
  compactions: fc.array(fc.tuple(fc.nat(20), fc.integer({ min: 2, max: 4 })), { maxLength: 3 }),
  targetBytes: fc.constantFrom(1, 20_000, 1_000_000_000),
  askedMs: fc.constantFrom(1_700_000_000_000, 1_700_100_000_000),
  broken: fc.option(fc.record({ ingester: fc.nat(4), task: fc.constantFrom('digests', 'spans', 'search', 'metrics') }), { freq: 3, nil: undefined }),
});
type Scene = typeof scenes extends fc.Arbitrary<infer T> ? T : never;

type Pushes = Map<string, PlainSpan[]>;
const tracesIn = (pushes: Pushes): PlainTrace[] => [...pushes].map(([traceId, spans]) => ({ traceId, spans }));
const take = (pushes: Pushes, from: Pushes): void => {
  for (const [traceId, spans] of from) pushes.set(traceId, [...(pushes.get(traceId) ?? []), ...spans]);
};

async function play({ traces, size, deals, steps: plan, rowGroups, compactions, targetBytes, askedMs, broken }: Scene): Promise<Cluster> {
  const cluster = new Cluster({ dir, size, targetBytes, nowMs: askedMs, copies: true });
  const contents = new Map<string, PlainTrace[]>();
  const held = Array.from({ length: size }, (): Pushes[] => []);
  const addBlock = async (data: PlainTrace[], isKnown: boolean) => {
    const meta = await cluster.writeBlock(data, rowGroups);
    contents.set(meta.blockId, data);
    if (isKnown) cluster.blocks.push(meta);
    return meta;
  };
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < size; i++) {
      const pushes: Pushes = new Map();
      let n = 0;
      traces.forEach(({ traceId, spans }, t) => {
        for (const span of spans) {
          const deal = deals[n++ % deals.length];
          const replica = (i - t + 5 * size) % size;
          if (deal.round === round && replica < RF && replica !== deal.missing) pushes.set(traceId, [...(pushes.get(traceId) ?? []), span]);
        }
      });
      if (pushes.size > 0) held[i].push(pushes);
      const step = plan[round][i];
      if (held[i].length === 0 || step === 'nothing') continue;
      const own = cluster.ingesters[i];
      const all: Pushes = new Map();
      for (const some of held[i]) take(all, some);
      const data = tracesIn(all);
      held[i] = [];
      if (step === 'seal') own.tables.push(tableOf(data).handle());
      else if (step === 'part') own.parts.push(cluster.writePart(data));
      else {
        const meta = await addBlock(data, step !== 'block that is not known yet');
        if (step !== 'block') own.kept.push({ blockId: meta.blockId, part: cluster.writePart(data) });
      }
    }
  }
  held.forEach((pushes, i) => {
    for (const some of pushes) cluster.ingesters[i].tables.push(tableOf(tracesIn(some)).handle());
  });
  for (const [at, count] of compactions) {
    const { blocks } = cluster;
    if (blocks.length < 2) break;
    const inputs = blocks.splice(at % blocks.length, count);
    const merged = await addBlock(
      inputs.flatMap(({ blockId }) => contents.get(blockId) ?? []),
      true,
    );
    cluster.replaced.set(
      merged.blockId,
      inputs.map(({ blockId }) => blockId),
    );
  }
  cluster.broken = broken;
  return cluster;
}

async function searchAgrees(scene: Scene, texts: readonly string[], cluster?: Cluster): Promise<void> {
  cluster ??= await play(scene);
  for (const text of texts) {
    const query = parsed(text);
    const request: SearchRequest = { query, limit: 1_000, spansPerSpanSet: 1_000, legacy: false, range: undefined };
    const all = { ...request, range: { startSec: 0, endSec: 4_000_000_000 } };
    const { traces } = await cluster.querier.search(TENANT, all);
    const want: readonly TraceSearchMetadata[] = mergeSearch(
      [await searchBatches(planSearch(query), [new TableColumns(tableOf(scene.traces))], request)],
      request,
    );
    expect(canonical(traces)).toEqual(canonical(want));
  }
}

it('finds each trace once and whole, whatever its copies miss and wherever they lie', async () => {
  const queries = fc.oneof(
    fc.constant('{ } | count() > 2'),
    searchTexts,
    fieldExpressions.map((expr) => `{ ${expr} }`),
  );
  const some = fc.array(queries, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(scenes, some, (scene, texts) => searchAgrees(scene, texts)),
    { numRuns: 15 * RUNS, endOnFailure: true },
  );
});

it('answers while the store is away when ingesters still hold what is in blocks, and never without something', async () => {
  const kept = fc.array(
    fc.array(fc.constantFrom<Step>('nothing', 'part', 'block that is kept', 'block that is not known yet'), { minLength: 5, maxLength: 5 }),
    {
      minLength: ROUNDS,
      maxLength: ROUNDS,
    },
  );
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(scenes, kept, fc.boolean(), async (scene, steps, isAllKept) => {
      const cluster = await play(isAllKept ? { ...scene, steps } : scene);
      cluster.isStoreAway = true;
      try {
        await searchAgrees(scene, ['{ }', '{ } | count() > 2'], cluster);
        answered++;
      } catch (reason) {
        if (cluster.areBlocksHeld || !(reason instanceof AppError)) throw reason;
        expect(reason).toMatchObject({ code: 'unavailable', reason: 'store_away' });
      }
    }),
    { numRuns: 20 * RUNS, endOnFailure: true },
  );
  expect(answered).toBeGreaterThan(0);
});

it('counts each span once', async () => {
  const queries = fc.oneof(fc.constant('{ } | rate()'), fc.constant('{ } | count_over_time() by(resource.service.name)'), metricsTexts);
  await fc.assert(
    fc.asyncProperty(scenes, fc.array(queries, { minLength: 1, maxLength: 3 }), async (scene, texts) =>
      metricsAgree(await play(scene), scene.traces, START_NS, texts),
    ),
    { numRuns: 15 * RUNS, endOnFailure: true },
  );
});

it('counts what comes meanwhile once or not at all', async () => {
  const late = fc.array(fc.record({ trace: fc.nat(9), ingester: fc.nat(4), answer: fc.nat(12) }), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(scenes, late, async (scene, comings) => {
      const cluster = await play({ ...scene, broken: undefined });
      const { traces } = scene;
      const acknowledged = traces.reduce((n, { spans }) => n + spans.length, 0);
      const template = traces.at(0)?.spans.at(0);
      const coming = template && comings.map((one, i) => ({ ...one, span: { ...template, spanId: (1_000 + (i >> 1)).toString(16).padStart(16, '0') } }));
      let answers = 0;
      cluster.afterAnswer = () => {
        answers++;
        for (const { trace, ingester, answer, span } of coming ?? []) {
          if (answer !== answers) continue;
          const { traceId } = traces[trace % traces.length];
          cluster.ingesters[ingester % scene.size].tables.push(tableOf([{ traceId, spans: [span] }]).handle());
        }
      };
      const request = { query: parsed('{ } | count_over_time()'), startNs: 0n, endNs: START_NS * 2n, stepNs: 1n, exemplars: 0, maxSeries: 0 };
      const { series } = await cluster.querier.queryInstant(TENANT, request);
      const counted = series[0]?.value ?? 0;
      const distinct = new Set(coming?.map(({ trace, span }) => `${trace % traces.length} ${span.spanId}`));
      expect(counted).toBeGreaterThanOrEqual(acknowledged);
      expect(counted).toBeLessThanOrEqual(acknowledged + distinct.size);
    }),
    { numRuns: 15 * RUNS, endOnFailure: true },
  );
});
