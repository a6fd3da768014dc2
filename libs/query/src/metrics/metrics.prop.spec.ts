import { metricsTexts, plainTraces } from '@vivace/testkit';
import type { PlainTrace } from '@vivace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRegressions, saveRegression } from '../regressions.fixture.ts';
import { askEngine, askOracle, columnsOf } from './metrics-oracle.fixture.ts';
import type { Question } from './metrics-oracle.fixture.ts';

const BASE_NS = 1_700_000_000_000_000_000n;
const STEPS = [250_000_000n, 500_000_000n, 1_000_000_000n, 700_000_001n, 3_000_000_000n, 60_000_000_000n];
const times = fc.record({
  startNs: fc.bigInt({ min: -2_000n, max: 5_000n }).map((ms) => BASE_NS + ms * 1_000_000n),
  lengthNs: fc.oneof(fc.constantFrom(500_000_000n, 2_000_000_000n), fc.bigInt({ min: 1n, max: 8_000_000_000n })),
  stepNs: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...STEPS) }, { weight: 1, arbitrary: fc.constant(undefined) }),
});
const questions: fc.Arbitrary<Question> = fc
  .tuple(metricsTexts, times)
  .map(([query, { startNs, lengthNs, stepNs }]) => ({ query, startNs, endNs: startNs + lengthNs, stepNs }));

/** Starts on the edges of buckets, and a nanosecond beside them, where they are near. */
const traces = fc
  .tuple(plainTraces({ maxTraces: 5, maxSpans: 6, baseNs: BASE_NS }), fc.array(fc.constantFrom(undefined, -1n, 0n, 1n), { minLength: 7, maxLength: 7 }))
  .map(([all, shifts]) =>
    all.map(({ traceId, spans }) => ({
      traceId,
      spans: spans.map((span, i) => {
        const shift = shifts[i];
        if (shift === undefined) return span;
        const startNs = span.startNs - (span.startNs % 500_000_000n) + shift;
        return {
          ...span,
          startNs,
          endNs: startNs + (span.endNs - span.startNs),
          events: span.events.map((event) => ({ ...event, timeNs: event.timeNs - span.startNs + startNs })),
        };
      }),
    })),
  );
/** Which job and batch each trace is in. */
const places = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 5, maxLength: 5 });

async function agree(question: Question, data: readonly PlainTrace[], where: readonly number[]): Promise<void> {
  const jobs = [0, 1, 2].map((job) => [0, 1].map((batch) => columnsOf(data.filter((_, t) => where[t] === 2 * job + batch))));
  expect(await askEngine(question, jobs)).toEqual(askOracle(question, data));
}

describe('metrics against the oracle', () => {
  for (const regression of readRegressions()) {
    const { query, traces: data, times: asked } = regression;
    if (asked) it(`agrees on ${query}`, () => agree({ query, ...asked }, data, [0, 1, 2, 3, 4]));
  }

  /** With SAVE_REGRESSIONS set, a failure is kept (shrunk) in testdata/query/regressions. `RUNS` multiplies the cases. */
  it('agrees on metrics queries', async () => {
    const details = await fc.check(fc.asyncProperty(questions, traces, places, agree), { numRuns: 1_500 * Number(process.env.RUNS ?? 1) });
    if (details.failed && details.counterexample && process.env.SAVE_REGRESSIONS) {
      const [{ query, ...asked }, data] = details.counterexample;
      saveRegression({ query, traces: data, times: asked });
    }
    if (details.failed) throw new Error(fc.defaultReportMessage(details), { cause: details.errorInstance });
  });
});
