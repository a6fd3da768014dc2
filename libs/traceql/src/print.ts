// Canonical text: parses back to the same tree, so it is a cache key and a label (docs/traceql.md).
import { formatGoDuration, unreachable } from '@vivace/base';
import type {
  Attribute,
  Compare,
  FieldExpr,
  FieldRef,
  MetricsAggregate,
  MetricsFilter,
  Query,
  ScalarExpr,
  SecondStage,
  SpansetExpr,
  Stage,
  Static,
} from './ast.ts';
import { endsName } from './characters.ts';
import { MIN_INT64 } from './number-literal.ts';

export function printQuery(query: Query): string {
  const stages = [...query.stages.map(printStage), ...(query.metrics ? [printMetrics(query.metrics)] : [])].join(' | ');
  const hints = query.hints.length > 0 ? ` with(${query.hints.map(({ name, value }) => `${name}=${printStatic(value)}`).join(', ')})` : '';
  return stages + query.second.map(printSecond).join('') + hints;
}

export function printStage(stage: Stage): string {
  switch (stage.kind) {
    case 'scalarFilter':
      return `${printScalar(stage.left)} ${stage.op} ${printScalar(stage.right)}`;
    case 'by':
      return `by(${printExpr(stage.expr)})`;
    case 'coalesce':
      return 'coalesce()';
    case 'select':
      return `select(${stage.fields.map(fieldLabel).join(', ')})`;
    default:
      return printSpanset(stage);
  }
}

/** A scalar; of an aggregate this is the key of the spanset attribute: `count()`, `avg(span.n)`, `max(duration)`. */
export function printScalar(scalar: ScalarExpr): string {
  switch (scalar.kind) {
    case 'literal':
      // A scalar has no word for the least integer.
      return scalar.value.type === 'int' && scalar.value.value === MIN_INT64 ? `(${MIN_INT64 + 1n} - 1)` : printStatic(scalar.value);
    case 'aggregate':
      return `${scalar.op}(${scalar.operand ? printExpr(scalar.operand) : ''})`;
    case 'scalarOperation':
      return `${scalarOperand(scalar.left, scalar.op)} ${scalar.op} ${scalarOperand(scalar.right)}`;
    case 'scalarPipeline':
      return `(${[...scalar.stages.map(printStage), printScalar(scalar.scalar)].join(' | ')})`;
    default:
      return unreachable(scalar, 'scalar');
  }
}

export function printExpr(expr: FieldExpr): string {
  switch (expr.kind) {
    case 'literal':
      return printStatic(expr.value);
    case 'attribute':
    case 'intrinsic':
      return fieldLabel(expr);
    case 'unary':
      return expr.op + operand(expr.operand);
    case 'exists':
      return `${operand(expr.operand)} ${expr.negated ? '=' : '!='} nil`;
    case 'binary':
      return `${operand(expr.left, expr.op)} ${expr.op} ${operand(expr.right)}`;
    default:
      return unreachable(expr, 'expression');
  }
}

/** The canonical name of a field: `resource.service.name`, `.x`, `name`, `span:id`. Key of labels and of answers with scope. */
export function fieldLabel(ref: FieldRef): string {
  if (ref.kind === 'intrinsic') return ref.name;
  return `${ref.parent ? 'parent.' : ''}${ref.scope === 'none' ? (ref.parent ? '' : '.') : `${ref.scope}.`}${printName(ref)}`;
}

export function printStatic(value: Static): string {
  switch (value.type) {
    case 'nil':
      return 'nil';
    case 'string':
      return printString(value.value);
    case 'float':
      return printFloat(value.value);
    case 'duration':
      return formatGoDuration(value.value);
    case 'int':
      return value.value === MIN_INT64 ? 'minInt' : String(value.value);
    default:
      return String(value.value);
  }
}

function printSpanset(spanset: SpansetExpr): string {
  switch (spanset.kind) {
    case 'filter':
      return `{ ${printExpr(spanset.expr)} }`;
    case 'pipeline':
      return `(${spanset.stages.map(printStage).join(' | ')})`;
    case 'spansetOperation': {
      const combo = holdsPipeline(spanset);
      return `${spansetOperand(spanset.left, combo)} ${spanset.op} ${spansetOperand(spanset.right, combo)}`;
    }
    default:
      return unreachable(spanset, 'spanset');
  }
}

/** Beside a parenthesised pipeline every operand needs parentheses. */
function spansetOperand(spanset: SpansetExpr, combo: boolean): string {
  const text = printSpanset(spanset);
  return spanset.kind === 'spansetOperation' || (combo && spanset.kind === 'filter') ? `(${text})` : text;
}

function holdsPipeline(spanset: SpansetExpr): boolean {
  return spanset.kind === 'pipeline' || (spanset.kind === 'spansetOperation' && (holdsPipeline(spanset.left) || holdsPipeline(spanset.right)));
}

function printMetrics(metrics: MetricsAggregate | Compare): string {
  if (metrics.kind === 'compare') {
    const window = metrics.start === 0n && metrics.end === 0n ? '' : `, ${metrics.start}, ${metrics.end}`;
    return `compare(${printSpanset(metrics.selection)}, ${metrics.topN}${window})`;
  }
  const args = [...(metrics.operand ? [fieldLabel(metrics.operand)] : []), ...metrics.quantiles.map(String)].join(', ');
  const by = metrics.by.length > 0 ? ` by(${metrics.by.map(fieldLabel).join(', ')})` : '';
  return `${metrics.op}(${args})${by}`;
}

function printSecond(stage: SecondStage | MetricsFilter): string {
  return stage.kind === 'second' ? ` | ${stage.op}(${stage.limit})` : ` ${stage.op} ${printStatic(stage.value)}`;
}

/** `op` is the operator to the right of the operand: a minus before a tighter one would take it along. */
function operand(expr: FieldExpr, op?: string): string {
  const text = printExpr(expr);
  const compound = expr.kind === 'binary' || expr.kind === 'unary' || expr.kind === 'exists';
  return compound || (text.startsWith('-') && isTight(op)) ? `(${text})` : text;
}

function scalarOperand(scalar: ScalarExpr, op?: string): string {
  const text = printScalar(scalar);
  return scalar.kind === 'scalarOperation' || (text.startsWith('-') && isTight(op)) ? `(${text})` : text;
}

function isTight(op: string | undefined): boolean {
  return op === '*' || op === '/' || op === '%' || op === '^';
}

function printString(text: string): string {
  if (!/[`\r]/.test(text)) return `\`${text}\``;
  return `"${text.replace(/["\\\n\r]/g, (c) => (c === '\n' ? '\\n' : c === '\r' ? '\\r' : `\\${c}`))}"`;
}

/** Always with a point or an exponent, so that it is read as a float again; values without a literal as the division that makes them. */
function printFloat(value: number): string {
  if (Number.isNaN(value)) return '(0.0 / 0.0)';
  if (!Number.isFinite(value)) return value > 0 ? '(1.0 / 0.0)' : '(-1.0 / 0.0)';
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** Quoted where name mode would end early, or would read something else than a name. */
function printName({ scope, parent, name }: Attribute): string {
  let plain = name !== '' && !/["\s]/.test(name) && !(scope === 'none' && !parent && /^[0-9]/.test(name));
  if (parent && scope === 'none' && /^(?:span|resource)\./.test(name)) plain = false;
  for (let i = 0; plain && i < name.length; i++) if (endsName(name.charCodeAt(i))) plain = false;
  return plain ? name : `"${name.replace(/["\\]/g, '\\$&')}"`;
}
