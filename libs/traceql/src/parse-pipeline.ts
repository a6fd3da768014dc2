// Spansets, stages and the four kinds of parentheses (docs/traceql.md).
import type { GroupBy, Loc, ScalarExpr, Select, SpansetExpr, SpansetFilter, SpansetOp, Stage } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { failOperand, parseFieldExpr, parseFieldRef, startsCondition, takeStatic } from './parse-field.ts';
import { startsMetrics } from './parse-metrics.ts';
import { continueComparison, continueScalar, parseScalar, parseScalarTerm, startsScalar } from './parse-scalar.ts';
import { SyntaxProblem } from './query-error.ts';
import { TRUE } from './statics.ts';
import { typeOf } from './types.ts';

/** What a pipeline turned out to be; only the kind decides what may follow it. */
type Body =
  | { readonly kind: 'spanset'; readonly expr: SpansetExpr }
  | { readonly kind: 'pipeline'; readonly stages: readonly Stage[]; readonly metricsFollow?: true }
  /** Aggregate and number arithmetic without a comparison. */
  | { readonly kind: 'scalar'; readonly expr: ScalarExpr }
  /** Pipelines that end in a bare aggregate, and arithmetic on them. */
  | { readonly kind: 'scalarPipeline'; readonly expr: ScalarExpr };

const STRUCTURAL = 3;
const LEVELS: ReadonlyMap<string, number> = new Map([
  ['&&', 2],
  ['||', 2],
  ...['>', '<', '>>', '<<', '~', '!>', '!<', '!>>', '!<<', '!~', '&>', '&<', '&>>', '&<<', '&~'].map((op): [string, number] => [op, STRUCTURAL]),
]);
const LOWEST = 2;
const FIRST_STAGE = 'a filter such as `{ status = error }`';
const STAGE = 'a stage: a filter `{ … }`, an aggregate such as `count() > 2`, `by(…)`, `coalesce()`, `select(…)`';

export interface Stages {
  readonly stages: readonly Stage[];
  /** A metrics function is next; its "|" is consumed. */
  readonly metricsFollow: boolean;
}

/** pipeline = firstStage { "|" stage } | combo | scalarCombo ; */
export function parseStages(c: Cursor): Stages {
  const body = parseBody(c, false);
  switch (body.kind) {
    case 'spanset':
      return { stages: [body.expr], metricsFollow: false };
    case 'pipeline':
      return { stages: body.stages, metricsFollow: body.metricsFollow ?? false };
    default:
      return c.fail('a comparison: a scalar alone is not a query, write for example `count() > 2`');
  }
}

/** spansetFilter = "{" [ field ] "}" ; */
export function parseFilter(c: Cursor): SpansetFilter {
  const { from } = c.expect('{');
  const open = { from, to: from + 1 };
  const expr = c.at('}') ? { kind: 'literal' as const, value: TRUE, loc: open } : parseFieldExpr(c);
  c.expect('}', '`}` or an operator such as `=`, `>` or `&&`');
  return { kind: 'filter', expr, loc: c.locFrom(from) };
}

/** firstStage { "|" stage }, or what may stand in parentheses; `grouped` inside them. */
function parseBody(c: Cursor, grouped: boolean): Body {
  if (c.at('(')) return parseAfterGroup(c, grouped);
  if (c.at('{')) return parseRest(c, parseSpanset(c), grouped);
  if (startsScalar(c)) return parseScalarBody(c, parseScalar(c), grouped);
  if (c.at('by')) return parseRest(c, parseBy(c), grouped);
  if (c.at('select')) return parseRest(c, parseSelect(c), grouped);
  if (startsMetrics(c)) return c.fail('a filter before a metrics function: `{ } | rate()`');
  return failOperand(c, FIRST_STAGE);
}

/** A pipeline that begins with parentheses: their content decides how it goes on. */
function parseAfterGroup(c: Cursor, grouped: boolean): Body {
  const { from } = c.token;
  const group = parseGroup(c);
  switch (group.kind) {
    case 'spanset':
      return parseRest(c, continueSpanset(c, group.expr, parseSpansetTerm), grouped);
    case 'scalar':
      return parseScalarBody(c, continueScalar(c, group.expr, parseScalarTerm), grouped);
    case 'pipeline': {
      const first = asOperand(group.stages, c.locFrom(from));
      const combined = continueSpanset(c, first, parseComboTerm);
      return { kind: 'pipeline', stages: combined === first ? group.stages : [combined] };
    }
    case 'scalarPipeline': {
      const expr = continueScalar(c, group.expr, parseScalarPipeline);
      const filter = grouped ? undefined : continueComparison(c, expr, parseScalarComboRight);
      return filter ? { kind: 'pipeline', stages: [filter] } : { kind: 'scalarPipeline', expr };
    }
  }
}

/** A first stage that is a scalar: a filter when a comparison follows, else only good inside parentheses. */
function parseScalarBody(c: Cursor, left: ScalarExpr, grouped: boolean): Body {
  const filter = continueComparison(c, left, parseScalar);
  if (filter) return parseRest(c, filter, grouped);
  return { kind: 'scalar', expr: left };
}

/** { "|" stage } after the first stage. */
function parseRest(c: Cursor, first: Stage, grouped: boolean): Body {
  const stages: Stage[] = [first];
  while (c.take('|')) {
    if (!grouped && startsMetrics(c)) return { kind: 'pipeline', stages, metricsFollow: true };
    const stage = parseStage(c, grouped);
    if (stage.kind === 'aggregate') {
      return { kind: 'scalarPipeline', expr: { kind: 'scalarPipeline', stages, scalar: stage, loc: c.locFrom(first.loc.from) } };
    }
    stages.push(stage);
  }
  const only = stages.length === 1 ? stages[0] : undefined;
  return only !== undefined && isSpanset(only) ? { kind: 'spanset', expr: only } : { kind: 'pipeline', stages };
}

/**
 * stage = spanset | scalarFilter | by | select | coalesce ; a condition without braces is read as a filter.
 * The last stage of a group may be an aggregate alone.
 */
function parseStage(c: Cursor, grouped: boolean): Stage | Extract<ScalarExpr, { readonly kind: 'aggregate' }> {
  const { token } = c;
  if (c.at('{')) return parseSpanset(c);
  if (c.at('by')) return parseBy(c);
  if (c.at('select')) return parseSelect(c);
  if (c.take('coalesce')) {
    c.expect('(');
    c.expect(')', '`)`: coalesce() takes no argument');
    return { kind: 'coalesce', loc: c.locFrom(token.from) };
  }
  if (c.at('(')) return parseGroupStage(c);
  if (startsScalar(c)) return parseScalarStage(c, parseScalar(c), grouped);
  if (startsCondition(c)) return parseCondition(c);
  return c.fail(grouped ? STAGE : `${STAGE}, or a metrics function such as \`rate()\``);
}

/** A condition as a stage, without braces: `{ … } | duration > 1s`. A field alone is none. */
function parseCondition(c: Cursor): SpansetFilter {
  const { from } = c.token;
  const expr = parseFieldExpr(c);
  if (typeOf(expr) !== 'bool' && !(expr.kind === 'unary' && expr.op === '!'))
    throw new SyntaxProblem('unexpected value', expr.loc, 'a comparison such as `= 1`');
  return { kind: 'filter', expr, loc: c.locFrom(from) };
}

function parseScalarStage(c: Cursor, left: ScalarExpr, grouped: boolean): Stage | Extract<ScalarExpr, { readonly kind: 'aggregate' }> {
  const filter = continueComparison(c, left, parseScalar);
  if (filter) return filter;
  return grouped && left.kind === 'aggregate' && c.at(')') ? left : c.fail('a comparison such as `> 2`');
}

/** After the first stage, parentheses hold a spanset or a scalar. */
function parseGroupStage(c: Cursor): Stage {
  const { from } = c.token;
  const group = parseGroup(c);
  if (group.kind === 'spanset') return continueSpanset(c, group.expr, parseSpansetTerm);
  if (group.kind === 'scalar')
    return continueComparison(c, continueScalar(c, group.expr, parseScalarTerm), parseScalar) ?? c.fail('a comparison such as `> 2`');
  throw new SyntaxProblem('unexpected parentheses', c.locFrom(from), 'a stage without parentheses: a parenthesised pipeline can only be the first');
}

/** group = "(" pipeline | combo | scalar | scalarPipe ")" ; */
function parseGroup(c: Cursor): Body {
  c.expect('(');
  const body = c.nested(() => parseBody(c, true));
  c.expect(')', body.kind === 'scalar' ? '`)` or a comparison such as `> 2`' : '`)`, `|` or a spanset operator such as `&&` or `>>`');
  return body;
}

/** spanset = spansetTerm { spansetOp spansetTerm } ; */
function parseSpanset(c: Cursor): SpansetExpr {
  return continueSpanset(c, parseSpansetTerm(c), parseSpansetTerm);
}

/** The rest of a spanset expression whose first operand is `left`. Structural operators bind tighter than `&&` and `||`; all to the left. */
function continueSpanset(c: Cursor, left: SpansetExpr, term: (c: Cursor) => SpansetExpr, least = LOWEST): SpansetExpr {
  for (;;) {
    const op = c.text;
    const level = op === undefined ? undefined : LEVELS.get(op);
    if (level === undefined || level < least) return left;
    c.advance();
    const right = continueSpanset(c, term(c), term, level + 1);
    left = { kind: 'spansetOperation', op: op as SpansetOp, left, right, loc: { from: left.loc.from, to: right.loc.to } }; // LEVELS holds SpansetOps only
  }
}

/** spansetTerm = "{" [ field ] "}" | "(" spanset ")" ; */
function parseSpansetTerm(c: Cursor): SpansetExpr {
  if (c.at('{')) return parseFilter(c);
  if (!c.take('(')) return c.fail('`{` or `(`');
  const inner = c.nested(parseSpanset);
  c.expect(')', '`)` or a spanset operator: a pipeline in parentheses can only be combined with what is in parentheses, on both sides');
  return inner;
}

/** comboTerm = "(" pipeline ")" | "(" combo ")" ; */
function parseComboTerm(c: Cursor): SpansetExpr {
  const { from } = c.token;
  if (!c.at('(')) return c.fail('`(`: a pipeline in parentheses can only be combined with what is in parentheses');
  const group = parseGroup(c);
  if (group.kind === 'spanset') return group.expr;
  if (group.kind === 'pipeline') return asOperand(group.stages, c.locFrom(from));
  throw new SyntaxProblem('unexpected scalar', c.locFrom(from), 'a spanset or a pipeline of spansets');
}

/** scalarPipe, as an operand: always parenthesised. */
function parseScalarPipeline(c: Cursor): ScalarExpr {
  const { from } = c.token;
  if (!c.at('(')) return c.fail('`(` and a pipeline that ends in an aggregate');
  const group = parseGroup(c);
  if (group.kind === 'scalarPipeline') return group.expr;
  throw new SyntaxProblem('unexpected parentheses', c.locFrom(from), 'a pipeline that ends in an aggregate, such as `({ } | count())`');
}

/** The right side of scalarCombo: scalarPipe | static. */
function parseScalarComboRight(c: Cursor): ScalarExpr {
  const { from } = c.token;
  if (c.at('(')) return continueScalar(c, parseScalarPipeline(c), parseScalarPipeline);
  const value = takeStatic(c) ?? c.fail('a value without a sign, or a parenthesised pipeline that ends in an aggregate');
  return { kind: 'literal', value, loc: c.locFrom(from) };
}

/** by = "by" "(" field ")" ; */
function parseBy(c: Cursor): GroupBy {
  const { from } = c.expect('by');
  c.expect('(');
  const expr = parseFieldExpr(c);
  c.expect(')', '`)` or an operator');
  return { kind: 'by', expr, loc: c.locFrom(from) };
}

/** select = "select" "(" attr { "," attr } ")" ; */
function parseSelect(c: Cursor): Select {
  const { from } = c.expect('select');
  c.expect('(');
  const fields = [parseFieldRef(c)];
  while (c.take(',')) fields.push(parseFieldRef(c));
  c.expect(')', '`)` or `,`');
  return { kind: 'select', fields, loc: c.locFrom(from) };
}

/** A pipeline of one spanset needs no node of its own. */
function asOperand(stages: readonly Stage[], loc: Loc): SpansetExpr {
  const only = stages.length === 1 ? stages[0] : undefined;
  return only !== undefined && isSpanset(only) ? only : { kind: 'pipeline', stages, loc };
}

function isSpanset(stage: Stage): stage is SpansetExpr {
  return stage.kind === 'filter' || stage.kind === 'spansetOperation' || stage.kind === 'pipeline';
}
