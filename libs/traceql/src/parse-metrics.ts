// Metrics functions, their second stages and hints (docs/traceql.md).
import type { Compare, FieldRef, Hint, MetricsAggregate, MetricsFilter, MetricsOp, SecondStage } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseFieldRef, takeStatic } from './parse-field.ts';
import { takeComparison, takeNumber } from './parse-scalar.ts';

/** How many arguments a function takes: none, an attribute, or an attribute and quantiles. */
const FUNCTIONS: Readonly<Record<MetricsOp, 'none' | 'attribute' | 'quantiles'>> = {
  rate: 'none',
  count_over_time: 'none',
  min_over_time: 'attribute',
  max_over_time: 'attribute',
  avg_over_time: 'attribute',
  sum_over_time: 'attribute',
  histogram_over_time: 'attribute',
  quantile_over_time: 'quantiles',
};
const DEFAULT_TOP_N = 10;
const KEYWORDS = new Set(
  (
    'true false nil ok error unset unspecified internal server client producer consumer duration name status statusMessage kind rootName rootServiceName rootService ' +
    'traceDuration nestedSetLeft nestedSetRight nestedSetParent id traceID spanID parentID timeSinceStart version childCount parent count avg max min sum by coalesce ' +
    'select rate count_over_time min_over_time max_over_time avg_over_time sum_over_time quantile_over_time histogram_over_time compare topk bottomk with'
  ).split(' '),
);

export function startsMetrics(c: Cursor): boolean {
  return c.token.kind === 'word' && (c.text === 'compare' || Object.hasOwn(FUNCTIONS, c.text!));
}

/** metrics = function "(" … ")" [ groups ] | compare ; */
export function parseMetrics(c: Cursor, filter: (c: Cursor) => Compare['selection']): MetricsAggregate | Compare {
  const { from } = c.token;
  const op = c.text as MetricsOp | 'compare'; // startsMetrics looked
  c.advance();
  c.expect('(');
  if (op === 'compare') return parseCompare(c, from, filter);
  const takes = FUNCTIONS[op];
  const operand = takes === 'none' ? undefined : parseFieldRef(c);
  const quantiles: number[] = [];
  if (takes === 'quantiles') {
    c.expect(',', '`,` and a quantile such as `.9`');
    do quantiles.push(parseQuantile(c));
    while (c.take(','));
  }
  c.expect(')', takes === 'none' ? `\`)\`: ${op}() takes no argument` : takes === 'attribute' ? `\`)\`: ${op}() takes one attribute` : '`)` or `,`');
  const by = parseGroups(c);
  return { kind: 'metrics', op, ...(operand && { operand }), quantiles, by, loc: c.locFrom(from) };
}

/** { "|" ("topk"|"bottomk") "(" INT ")" | cmp number } : Tempo 2.10 has at most one and no comparison; Tempo 3 chains them. */
export function parseSecondStages(c: Cursor): (SecondStage | MetricsFilter)[] {
  const stages: (SecondStage | MetricsFilter)[] = [];
  for (;;) {
    const { from } = c.token;
    const op = takeComparison(c);
    if (op !== undefined) {
      const value = takeNumber(c) ?? c.fail('a number');
      stages.push({ kind: 'metricsFilter', op, value, loc: c.locFrom(from) });
    } else if (c.take('|')) stages.push(parseSecondStage(c));
    else return stages;
  }
}

/** hints = "with" "(" IDENT "=" static { "," IDENT "=" static } ")" ; of several clauses the last counts. */
export function parseHints(c: Cursor): readonly Hint[] {
  let hints: Hint[] = [];
  while (c.take('with')) {
    c.expect('(');
    hints = [];
    do hints.push(parseHint(c));
    while (c.take(','));
    c.expect(')', '`)` or `,`');
  }
  return hints;
}

function parseHint(c: Cursor): Hint {
  const name = c.token.kind === 'word' && !KEYWORDS.has(c.text!) ? c.text! : c.fail('the name of a hint, such as `most_recent`');
  c.advance();
  c.expect('=');
  return { name, value: takeStatic(c) ?? c.fail('a value without a sign: `true`, `5`, `0.1`, `"text"`') };
}

function parseSecondStage(c: Cursor): SecondStage {
  const { from } = c.token;
  const op = c.text;
  if (op !== 'topk' && op !== 'bottomk') return c.fail('`topk` or `bottomk`');
  c.advance();
  c.expect('(');
  const limit = Number(parseInteger(c));
  c.expect(')');
  return { kind: 'second', op, limit, loc: c.locFrom(from) };
}

/** groups = "by" "(" attr { "," attr } ")" ; */
function parseGroups(c: Cursor): FieldRef[] {
  if (!c.take('by')) return [];
  c.expect('(');
  const by = [parseFieldRef(c)];
  while (c.take(',')) by.push(parseFieldRef(c));
  c.expect(')', '`)` or `,`: metrics are grouped by attributes only');
  return by;
}

/** compare = "compare" "(" "{" [field] "}" [ "," INT [ "," INT "," INT ] ] ")" ; */
function parseCompare(c: Cursor, from: number, filter: (c: Cursor) => Compare['selection']): Compare {
  const selection = filter(c);
  const topN = c.take(',') ? Number(parseInteger(c)) : DEFAULT_TOP_N;
  let start = 0n;
  let end = 0n;
  if (c.take(',')) {
    start = parseInteger(c);
    c.expect(',', '`,` and the end of the window: it needs a start and an end');
    end = parseInteger(c);
  }
  c.expect(')');
  return { kind: 'compare', selection, topN, start, end, loc: c.locFrom(from) };
}

/** num = INT | FLOAT ; */
function parseQuantile(c: Cursor): number {
  const { token } = c;
  if (token.kind !== 'int' && token.kind !== 'float') return c.fail('a quantile between 0 and 1');
  c.advance();
  return Number(token.value);
}

function parseInteger(c: Cursor): bigint {
  const { token } = c;
  if (token.kind !== 'int') return c.fail('an integer');
  c.advance();
  return token.value;
}
