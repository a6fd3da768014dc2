// Field expressions: what stands between braces, in by(…) and in aggregates (docs/traceql.md).
import type { BinaryOp, FieldExpr, FieldRef, IntrinsicName, KindName, LogicalOp, Static, StatusName } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { binary, exists, unary } from './fold.ts';
import type { Token } from './lexer.ts';
import { nearScope } from './near-scope.ts';
import { MAX_INT64, MIN_INT64 } from './number-literal.ts';
import { SyntaxProblem } from './query-error.ts';
import { FALSE, TRUE } from './statics.ts';

const OPERAND = 'an attribute (`.foo`, `span.foo`, `resource.foo`), an intrinsic (`name`, `duration`, `status`, `kind`, …) or a value';
const FIELD = 'an attribute (`.foo`, `span.foo`, `resource.foo`) or an intrinsic (`name`, `duration`, `status`, `kind`, …)';

/** Binding strength. `&&` and `||` share a level; unary minus is between 4 and 5, `!` between 5 and 6. */
const LEVELS: Readonly<Record<BinaryOp, number>> = {
  '&&': 2,
  '||': 2,
  '=': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '=~': 3,
  '!~': 3,
  '+': 4,
  '-': 4,
  '*': 6,
  '/': 6,
  '%': 6,
  '^': 7,
};
const LOWEST = 2;
const LONG_RUN = 64;
const NEGATION = 5;
const NOT = 6;

const BARE: ReadonlyMap<string, IntrinsicName> = new Map(
  (
    [
      'name',
      'duration',
      'status',
      'statusMessage',
      'kind',
      'rootName',
      'rootServiceName',
      'traceDuration',
      'nestedSetLeft',
      'nestedSetRight',
      'nestedSetParent',
      'parent',
    ] as const
  ).map((name) => [name, name]),
);
const SCOPED: Readonly<Record<string, Readonly<Record<string, IntrinsicName>>>> = {
  'span:': {
    name: 'name',
    duration: 'duration',
    status: 'status',
    statusMessage: 'statusMessage',
    kind: 'kind',
    id: 'span:id',
    parentID: 'span:parentID',
    childCount: 'span:childCount',
  },
  'trace:': { id: 'trace:id', duration: 'traceDuration', rootName: 'rootName', rootService: 'rootServiceName' },
  'event:': { name: 'event:name', timeSinceStart: 'event:timeSinceStart' },
  'link:': { spanID: 'link:spanID', traceID: 'link:traceID' },
  'instrumentation:': { name: 'instrumentation:name', version: 'instrumentation:version' },
};
const CONSTANTS: ReadonlyMap<string, Static> = new Map<string, Static>([
  ['true', TRUE],
  ['false', FALSE],
  ['minInt', { type: 'int', value: MIN_INT64 }],
  ['maxInt', { type: 'int', value: MAX_INT64 }],
  ...(['error', 'ok', 'unset'] satisfies StatusName[]).map((value): [string, Static] => [value, { type: 'status', value }]),
  ...(['unspecified', 'internal', 'client', 'server', 'producer', 'consumer'] satisfies KindName[]).map((value): [string, Static] => [
    value,
    { type: 'kind', value },
  ]),
]);
/** field = prefix { op prefix } ; by precedence climbing, folding as it goes. */
export function parseFieldExpr(c: Cursor): FieldExpr {
  return parseBinary(c, LOWEST);
}

/** attr = intrinsic | scopedIntrinsic | attribute ; */
export function parseFieldRef(c: Cursor): FieldRef {
  return takeFieldRef(c) ?? failOperand(c, FIELD);
}

/** Whether a field expression that refers to a span begins here: how a bare condition is told from a stage. */
export function startsCondition(c: Cursor): boolean {
  const { kind } = c.token;
  return kind === 'attribute' || kind === 'prefix' || c.at('!') || (kind === 'word' && BARE.has(c.text!));
}

/** static = STRING | INT | FLOAT | DURATION | bool | status | kind | "minInt" | "maxInt" ; undefined when none begins here. */
export function takeStatic(c: Cursor): Static | undefined {
  const value = staticOf(c.token);
  if (value !== undefined) c.advance();
  return value;
}

/** Fails at a word or another token where an operand belongs. */
export function failOperand(c: Cursor, expected: string): never {
  const { token } = c;
  if (token.kind === 'word' && !BARE.has(token.text) && !CONSTANTS.has(token.text))
    throw new SyntaxProblem(`unknown identifier: ${token.text}`, token, expected);
  return c.fail(expected);
}

function parseBinary(c: Cursor, least: number): FieldExpr {
  return c.nested(() => {
    let left = parsePrefix(c);
    for (;;) {
      const op = c.token.kind === 'symbol' ? c.text : undefined;
      if (op === undefined || !isBinaryOp(op) || LEVELS[op] < least) return left;
      c.advance();
      if ((op === '=' || op === '!=') && c.take('nil')) left = exists(left, op === '=', c.locFrom(left.loc.from));
      else if (op === '&&' || op === '||') left = joined(op, [left, ...parseOperands(c, op)]);
      else left = binary(op, left, parseBinary(c, op === '^' ? LEVELS[op] : LEVELS[op] + 1));
    }
  });
}

/** The operands of a run of one logical operator, of which the first occurrence is consumed. */
function parseOperands(c: Cursor, op: LogicalOp): readonly FieldExpr[] {
  const operands: FieldExpr[] = [];
  do operands.push(parseBinary(c, LEVELS[op] + 1));
  while (c.take(op));
  return operands;
}

/** To the left, as written; a long run as a balanced tree, which means the same and leaves height to spare: people list thousands of ids. */
function joined(op: LogicalOp, operands: readonly FieldExpr[]): FieldExpr {
  if (operands.length <= LONG_RUN) return operands.reduce((left, right) => binary(op, left, right));
  const middle = operands.length >> 1;
  return binary(op, joined(op, operands.slice(0, middle)), joined(op, operands.slice(middle)));
}

/** prefix = "-" field | "!" field | "nil" ("="|"!=") ( field | "nil" ) | "(" field ")" | static | attr ; */
function parsePrefix(c: Cursor): FieldExpr {
  const { from } = c.token;
  if (c.take('-')) return unary('-', parseBinary(c, NEGATION), c.locFrom(from));
  if (c.take('!')) return unary('!', parseBinary(c, NOT), c.locFrom(from));
  if (c.take('(')) {
    const inner = parseFieldExpr(c);
    c.expect(')', '`)` or an operator');
    return inner;
  }
  if (c.take('nil')) return parseNilComparison(c, from);
  const value = takeStatic(c);
  if (value !== undefined) return { kind: 'literal', value, loc: c.locFrom(from) };
  return takeFieldRef(c) ?? failOperand(c, OPERAND);
}

/** `nil = x`; two nils are unequal to everything, each other included. */
function parseNilComparison(c: Cursor, from: number): FieldExpr {
  if (!c.at('=') && !c.at('!=')) c.fail('`=` or `!=` beside `nil`');
  const negated = c.at('=');
  c.advance();
  if (c.take('nil')) return { kind: 'literal', value: FALSE, loc: c.locFrom(from) };
  const operand = parseBinary(c, LEVELS['='] + 1);
  return exists(operand, negated, c.locFrom(from));
}

function takeFieldRef(c: Cursor): FieldRef | undefined {
  const { token } = c;
  if (token.kind === 'attribute') {
    if (token.bare) refuseNearScope(token);
    c.advance();
    return { kind: 'attribute', scope: token.scope, name: token.name, parent: token.parent, loc: c.locFrom(token.from) };
  }
  if (token.kind === 'prefix') return parseScopedIntrinsic(c, token.text);
  const name = token.kind === 'word' ? BARE.get(token.text) : undefined;
  if (name === undefined) return undefined;
  c.advance();
  return { kind: 'intrinsic', name, loc: c.locFrom(token.from) };
}

/** scopedIntrinsic = "span:" … | "trace:" … | "event:" … | "link:" … | "instrumentation:" … ; */
function parseScopedIntrinsic(c: Cursor, prefix: string): FieldRef {
  const { from } = c.advance();
  const names = SCOPED[prefix];
  const name =
    c.token.kind === 'word' && Object.hasOwn(names, c.text!)
      ? names[c.text!]
      : c.fail(
          `one of ${Object.keys(names)
            .map((n) => `\`${prefix}${n}\``)
            .join(', ')}`,
        );
  c.advance();
  return { kind: 'intrinsic', name, loc: c.locFrom(from) };
}

function refuseNearScope(token: Extract<Token, { readonly kind: 'attribute' }>): void {
  const dot = token.name.indexOf('.');
  const first = token.name.slice(0, dot);
  const rest = token.name.slice(dot + 1);
  if (first === 'trace' && Object.hasOwn(SCOPED['trace:'], rest))
    throw new SyntaxProblem(`unknown identifier: ${token.name}`, token, `\`trace:${rest}\`, or \`.${token.name}\` for an attribute of that name`);
  const near = nearScope(first);
  if (near === undefined) return;
  const scoped = near === '' ? `\`span.${rest}\`, \`resource.${rest}\`` : `\`${near}.${rest}\``;
  throw new SyntaxProblem(`unknown scope: ${first}`, token, `${scoped}, or \`.${token.name}\` for an attribute of that name`);
}

function staticOf(token: Token): Static | undefined {
  switch (token.kind) {
    case 'string':
      return { type: 'string', value: token.value };
    case 'int':
    case 'duration':
      return { type: token.kind, value: token.value };
    case 'float':
      return { type: 'float', value: token.value };
    case 'word':
      return CONSTANTS.get(token.text);
    default:
      return undefined;
  }
}

function isBinaryOp(text: string): text is BinaryOp {
  return Object.hasOwn(LEVELS, text);
}
