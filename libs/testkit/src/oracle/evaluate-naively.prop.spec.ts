import { parseQuery, validateQuery } from '@vivace/traceql';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlainTrace } from '../plain.ts';
import { plainTraces } from '../random-traces.ts';
import { evaluateNaively } from './evaluate-naively.ts';
import { fieldExpressions, searchTexts, spanConditions, spansetTexts } from './random-queries.ts';

const traces = plainTraces({ maxTraces: 3 });

/** Trace id and place of each span. */
function ask(text: string, asked: readonly PlainTrace[]): ReadonlySet<string> {
  const query = parseQuery(text);
  validateQuery(query);
  const found = evaluateNaively(query, asked).flatMap(({ spansets }) => spansets.flatMap(({ spans }) => spans));
  return new Set(found.map(({ traceId, index }) => `${traceId} ${index}`));
}

describe('random queries', () => {
  it('are valid, often match, and return spans of the trace', () => {
    let matching = 0;
    fc.assert(
      fc.property(searchTexts, traces, (text, asked) => {
        const found = ask(text, asked);
        const all = new Set(asked.flatMap(({ traceId, spans }) => spans.map((_, index) => `${traceId} ${index}`)));
        expect([...found].every((span) => all.has(span))).toBe(true);
        if (found.size > 0) matching++;
      }),
      { numRuns: 500 },
    );
    expect(matching).toBeGreaterThan(50);
  });
});

describe('laws', () => {
  const holds = (left: string, right: string, asked: readonly PlainTrace[]): void => {
    expect(ask(left, asked)).toEqual(ask(right, asked));
  };

  it('negation is the complement of a comparison', () => {
    fc.assert(
      fc.property(spanConditions, traces, (condition, asked) => {
        fc.pre(/ /.test(condition)); // a bare attribute has no negation where it is missing
        const [yes, no] = [ask(`{ ${condition} }`, asked), ask(`{ !(${condition}) }`, asked)];
        expect(yes.size + no.size).toBe(asked.reduce((n, { spans }) => n + spans.length, 0));
        expect([...yes].filter((span) => no.has(span))).toEqual([]);
      }),
    );
  });

  it('filters one after another are a conjunction, and de Morgan holds', () => {
    fc.assert(
      fc.property(spanConditions, spanConditions, traces, (a, b, asked) => {
        fc.pre(/ /.test(a) && / /.test(b)); // a bare array is no filter, but may be an operand
        holds(`{ ${a} } | { ${b} }`, `{ (${a}) && (${b}) }`, asked);
        holds(`{ !((${a}) || (${b})) }`, `{ !(${a}) && !(${b}) }`, asked);
      }),
    );
  });

  it('a structural operator and its negation share out the right side', () => {
    const spanset = spansetTexts({ structural: false });
    fc.assert(
      fc.property(fc.constantFrom('>', '<', '>>', '<<', '~'), spanset, spanset, traces, (op, a, b, asked) => {
        const [yes, no, right] = [ask(`(${a}) ${op} (${b})`, asked), ask(`(${a}) !${op} (${b})`, asked), ask(b, asked)];
        expect([...yes].filter((span) => no.has(span))).toEqual([]);
        expect(new Set([...yes, ...no])).toEqual(right);
        const union = ask(`(${a}) &${op} (${b})`, asked);
        expect([...yes].every((span) => union.has(span))).toBe(true);
      }),
    );
  });

  it('the union operators are symmetric with their mirror', () => {
    const spanset = spansetTexts({ structural: false });
    fc.assert(
      fc.property(spanset, spanset, traces, (a, b, asked) => {
        holds(`(${a}) &> (${b})`, `(${b}) &< (${a})`, asked);
        holds(`(${a}) &>> (${b})`, `(${b}) &<< (${a})`, asked);
        holds(`(${a}) &~ (${b})`, `(${b}) &~ (${a})`, asked);
      }),
    );
  });

  it('a long run of conditions means what it means in pairs', () => {
    fc.assert(
      fc.property(fc.constantFrom('&&', '||'), fc.array(fieldExpressions, { minLength: 65, maxLength: 80, size: 'max' }), traces, (op, conditions, asked) => {
        const operands = conditions.map((condition) => `(${condition})`);
        holds(`{ ${operands.join(` ${op} `)} }`, `{ ${operands.reduce((left, right) => `(${left} ${op} ${right})`)} }`, asked);
      }),
      { numRuns: 20 },
    );
  });

  it('a pipeline compared with a number is a filter on its aggregate', () => {
    const comparison = fc.tuple(
      fc.constantFrom('count()', 'max(duration)', 'sum(span.n)', 'avg(.n)'),
      fc.constantFrom('=', '!=', '<', '<=', '>', '>='),
      fc.constantFrom('1', '2', '1s', '0.5'),
    );
    fc.assert(
      fc.property(spansetTexts({ structural: false }), comparison, traces, (a, [aggregate, op, number], asked) => {
        holds(`(${a} | ${aggregate}) ${op} ${number}`, `${a} | ${aggregate} ${op} ${number}`, asked);
        holds(`(${a} | ${aggregate}) ${op} (${a} | ${aggregate})`, `${a} | ${aggregate} ${op} ${aggregate}`, asked);
      }),
    );
  });

  it('grouping and merging again gives back the spans', () => {
    fc.assert(
      fc.property(spanConditions, traces, (a, asked) => {
        holds(`{ ${a} } | by(kind) | by(name) | coalesce()`, `{ ${a} }`, asked);
      }),
    );
  });
});
