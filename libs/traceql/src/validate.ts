import type { Query } from './ast.ts';
import { checkQuery } from './check-query.ts';
import { propose } from './propose.ts';
import { queryError, Violation } from './query-error.ts';

/**
 * Checks types and ranges, left to right, operands first.
 * @throws AppError invalid_argument: Tempo's message on the first line, then what was expected, an excerpt with carets, and the query
 * probably meant.
 */
export function validateQuery(query: Query): void {
  try {
    checkQuery(query);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    throw queryError(error.message, query.source, error.loc, { expected: error.expected, meant: propose(query.source) });
  }
}
