import { plainTraces, tableOf } from '@vivace/testkit';
import type { PlainTrace } from '@vivace/testkit';
import { TableColumns } from '@vivace/trace';
import { parseQuery } from '@vivace/traceql';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeSearch } from './merge-search.ts';
import { planSearch } from './plan-search.ts';
import { searchBatches } from './search.ts';

const QUERIES = [
  '{ }',
  '{ kind = server || status = error }',
  '{ } | by(name)',
  '{ } | count() > 1',
  '{ name = "x" } && { kind != client }',
  '{ event.level != nil }',
];

/** Batches as they occur: whole traces, pieces of traces, and copies of both. */
const batchesOf = plainTraces({ maxTraces: 6, maxSpans: 6 }).chain((traces) =>
  fc.tuple(...traces.map((t) => fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 }), fc.nat({ max: t.spans.length })))).map((choices) => {
    const batches: PlainTrace[][] = [[], [], [], []];
    choices.forEach(([a, b, at], i) => {
      const { traceId, spans } = traces[i];
      batches[a].push({ traceId, spans: at === 0 ? spans : spans.slice(0, at) });
      if (a !== b) batches[b].push({ traceId, spans: spans.slice(at) });
    });
    return batches.map((batch) => batch.filter((t) => t.spans.length > 0)).filter((batch) => batch.length > 0);
  }),
);

describe('search over many batches', () => {
  it('gives the same answer in any order and any grouping', async () => {
    const order = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 2 })), { minLength: 4, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        batchesOf,
        fc.constantFrom(...QUERIES),
        fc.integer({ min: 1, max: 5 }),
        fc.nat({ max: 4 }),
        order,
        async (data, text, limit, spss, keys) => {
          const options = { limit, spansPerSpanSet: spss, legacy: false };
          const plan = planSearch(parseQuery(text));
          const batches = data.map((traces) => new TableColumns(tableOf(traces)));
          const whole = mergeSearch([await searchBatches(plan, batches, options)], options);
          const shuffled = batches.map((batch, i) => ({ batch, key: keys[i][0], group: keys[i][1] })).sort((a, b) => a.key - b.key);
          const groups = [0, 1, 2].map((group) => shuffled.filter((entry) => entry.group === group).map((entry) => entry.batch));
          const partials = await Promise.all(groups.map((group) => searchBatches(plan, group, options)));
          expect(mergeSearch(partials, options)).toEqual(whole);
          const floor = new BigUint64Array(new SharedArrayBuffer(8));
          const together = await Promise.all(groups.map((group) => searchBatches(plan, group, { ...options, floor })));
          const after = await searchBatches(
            plan,
            shuffled.slice(0, 2).map((entry) => entry.batch),
            { ...options, floor },
          );
          expect(mergeSearch([...together, after], options)).toEqual(whole);
        },
      ),
      { numRuns: 600 },
    );
  });
});
