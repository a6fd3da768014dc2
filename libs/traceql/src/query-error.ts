// What a caller is told about a bad query: Tempo's first line (docs/traceql.md), then help.
import { AppError } from '@vivace/base';
import type { Loc } from './ast.ts';
import { excerpt, positionAt } from './source.ts';

class Problem extends Error {
  readonly loc: Loc;
  readonly expected: string | undefined;

  constructor(problem: string, loc: Loc, expected?: string) {
    super(problem);
    this.loc = loc;
    this.expected = expected;
  }
}

/** Why a text does not parse. Internal: `parseQuery` turns it into the AppError. */
export class SyntaxProblem extends Problem {}

/** Why a query that parses is refused all the same. Internal: `validateQuery` turns it into the AppError. */
export class Violation extends Problem {}

/**
 * The one constructor of query errors, always `invalid_argument`. `headline` is the first line; below it what was expected,
 * the excerpt with carets, and the query that was probably meant.
 */
export function queryError(
  headline: string,
  source: string,
  loc: Loc,
  help: { readonly expected?: string | undefined; readonly meant?: string | undefined } = {},
): AppError {
  const lines = [headline];
  if (help.expected !== undefined) lines.push(`expected ${help.expected}`);
  lines.push(excerpt(source, loc));
  if (help.meant !== undefined) lines.push(`did you mean: ${help.meant}`);
  return new AppError('invalid_argument', lines.join('\n'));
}

/** `parse error at line L, col C: syntax error: …` */
export function syntaxError(source: string, problem: SyntaxProblem, meant?: string): AppError {
  const { line, column } = positionAt(source, problem.loc.from);
  return queryError(`parse error at line ${line}, col ${column}: syntax error: ${problem.message}`, source, problem.loc, { expected: problem.expected, meant });
}
