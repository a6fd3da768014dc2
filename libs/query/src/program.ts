import { compileRegex } from '@vivace/traceql';
import type { ArithmeticOp, ComparisonOp, FieldExpr } from '@vivace/traceql';
import type { Batch } from './batch.ts';
import { arithmetic, Cell, CELL_BOOL, CELL_TEXT, compareCells, negate, setLiteral } from './cell.ts';
import { accepts } from './condition.ts';
import { ABSENT, fieldProgram } from './field-program.ts';
import type { Program } from './field-program.ts';
import { resolveField } from './field.ts';
import type { Level } from './field.ts';
import type { Binding } from './row-map.ts';

/**
 * Compiles `expr` for rows of `level` (span, event or link). Seen from a span, the fields of its events are those of the one in
 * `binding`, or all together without a binding.
 */
export function compileProgram(expr: FieldExpr, batch: Batch, level: Level, binding?: Binding): Program {
  switch (expr.kind) {
    case 'literal': {
      const value = new Cell();
      setLiteral(value, expr.value);
      return { count: () => 1, read: (_, cell) => cell.copy(value) };
    }
    case 'attribute':
    case 'intrinsic':
      return fieldProgram(resolveField(expr), batch, level, binding);
    case 'exists': {
      const operand = compileProgram(expr.operand, batch, level, binding);
      return boolProgram((row) => operand.count(row) > 0 !== expr.negated);
    }
    case 'unary': {
      const operand = compileProgram(expr.operand, batch, level, binding);
      return expr.op === '!' ? notProgram(operand) : scalarProgram(operand, negate);
    }
    case 'binary': {
      const left = compileProgram(expr.left, batch, level, binding);
      const right = compileProgram(expr.right, batch, level, binding);
      switch (expr.op) {
        case '&&':
          return boolProgram((row) => hasTrue(left, row) && hasTrue(right, row));
        case '||':
          return boolProgram((row) => hasTrue(left, row) || hasTrue(right, row));
        case '+':
        case '-':
        case '*':
        case '/':
        case '%':
        case '^':
          return arithmeticProgram(expr.op, left, right);
        default:
          // Plain attributes have no unit: beside a duration literal they never match (docs/traceql.md).
          if (isUnitless(expr.left, expr.right) || isUnitless(expr.right, expr.left)) return boolProgram(() => false);
          return comparisonProgram(expr.op, left, right);
      }
    }
  }
}

function isUnitless(attribute: FieldExpr, literal: FieldExpr): boolean {
  return attribute.kind === 'attribute' && literal.kind === 'literal' && literal.value.type === 'duration';
}

const probe = new Cell();

/** Whether the program gives exactly the scalar true. */
export function isTrue(program: Program, row: number): boolean {
  if (program.count(row) !== 1) return false;
  program.read(0, probe);
  return probe.type === CELL_BOOL && probe.num === 1;
}

/** Whether one of the values is true. */
function hasTrue(program: Program, row: number): boolean {
  const n = program.count(row);
  for (let i = 0; i < n; i++) {
    program.read(i, probe);
    if (probe.type === CELL_BOOL && probe.num === 1) return true;
  }
  return false;
}

function boolProgram(test: (row: number) => boolean): Program {
  let value = 0;
  return {
    count(row) {
      value = test(row) ? 1 : 0;
      return 1;
    },
    read: (_, cell) => cell.setNumber(CELL_BOOL, value),
  };
}

/** The negation of a present bool; anything else has no value. */
function notProgram(operand: Program): Program {
  return scalarProgram(operand, (cell, out) => {
    if (cell.type === CELL_BOOL) out.setNumber(CELL_BOOL, 1 - cell.num);
    else out.clear();
  });
}

function scalarProgram(operand: Program, apply: (cell: Cell, out: Cell) => void): Program {
  const input = new Cell();
  const output = new Cell();
  return {
    count(row) {
      if (operand.count(row) !== 1) return ABSENT;
      operand.read(0, input);
      apply(input, output);
      return output.type === 0 ? ABSENT : 1;
    },
    read: (_, cell) => cell.copy(output),
  };
}

function arithmeticProgram(op: ArithmeticOp, left: Program, right: Program): Program {
  const a = new Cell();
  const b = new Cell();
  const output = new Cell();
  return {
    count(row) {
      if (left.count(row) !== 1 || right.count(row) !== 1) return ABSENT;
      left.read(0, a);
      right.read(0, b);
      arithmetic(op, a, b, output);
      return output.type === 0 ? ABSENT : 1;
    },
    read: (_, cell) => cell.copy(output),
  };
}

/** True when any pair of values satisfies the operator. */
function comparisonProgram(op: ComparisonOp, left: Program, right: Program): Program {
  const a = new Cell();
  const b = new Cell();
  const test = op === '=~' || op === '!~' ? regexTest(op) : orderTest(accepts(op));
  return boolProgram((row) => {
    const n = left.count(row);
    const m = right.count(row);
    for (let i = 0; i < n; i++) {
      left.read(i, a);
      for (let j = 0; j < m; j++) {
        right.read(j, b);
        if (test(a, b)) return true;
      }
    }
    return false;
  });
}

function orderTest(accept: number): (a: Cell, b: Cell) => boolean {
  return (a, b) => (compareCells(a, b) & accept) !== 0;
}

/** The pattern may come from the data: compiled once per text, and one that does not compile matches nothing. */
function regexTest(op: '=~' | '!~'): (a: Cell, b: Cell) => boolean {
  const wanted = op === '=~';
  const compiled = new Map<string, ((text: string) => boolean) | undefined>();
  return (a, b) => {
    if (a.type !== CELL_TEXT || b.type !== CELL_TEXT) return false;
    if (!compiled.has(b.text)) {
      if (compiled.size >= 256) compiled.clear();
      compiled.set(b.text, tryRegex(b.text));
    }
    const regex = compiled.get(b.text);
    return regex !== undefined && regex(a.text) === wanted;
  };
}

function tryRegex(pattern: string): ((text: string) => boolean) | undefined {
  try {
    return compileRegex(pattern);
  } catch {
    return undefined;
  }
}
