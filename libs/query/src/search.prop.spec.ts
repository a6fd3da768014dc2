import { fieldExpressions, plainTraces, searchTexts, spansetTexts } from '@vivace/testkit';
import type { PlainTrace } from '@vivace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askEngine, askOracle } from './oracle.fixture.ts';
import { readRegressions, saveRegression } from './regressions.fixture.ts';

const traces = plainTraces({ maxTraces: 3, maxSpans: 6 });

async function agree(query: string, data: readonly PlainTrace[]): Promise<void> {
  expect(await askEngine(query, data)).toEqual(askOracle(query, data));
}

/** With SAVE_REGRESSIONS set, a failure is kept (shrunk) in testdata/query/regressions. `RUNS` multiplies the cases. */
async function check(queries: fc.Arbitrary<string>, numRuns: number): Promise<void> {
  const details = await fc.check(fc.asyncProperty(queries, traces, agree), { numRuns: numRuns * Number(process.env.RUNS ?? 1) });
  if (details.failed && details.counterexample && process.env.SAVE_REGRESSIONS) {
    const [query, data] = details.counterexample;
    saveRegression({ query, traces: data });
  }
  if (details.failed) throw new Error(fc.defaultReportMessage(details), { cause: details.errorInstance });
}

describe('the engine against the oracle', () => {
  for (const { query, traces: data } of readRegressions()) it(`agrees on ${query}`, () => agree(query, data));

  it('agrees on filters', () =>
    check(
      fieldExpressions.map((expr) => `{ ${expr} }`),
      3_000,
    ));

  it('agrees on spansets', () => check(spansetTexts({ structural: true }), 500));

  it('agrees on pipelines', () => check(searchTexts, 1_000));
});
