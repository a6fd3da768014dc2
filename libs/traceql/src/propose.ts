import { checkQuery } from './check-query.ts';
import { parseText } from './parse-text.ts';
import { SyntaxProblem, Violation } from './query-error.ts';
import { repairs } from './repair.ts';

const MAX_LENGTH = 2_000;

/** The query probably meant by a text that is none: the first repair that parses and passes the checks. */
export function propose(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  for (const candidate of repairs(text)) if (candidate !== text && isQuery(candidate)) return candidate;
  return undefined;
}

function isQuery(text: string): boolean {
  try {
    checkQuery(parseText(text));
    return true;
  } catch (error) {
    if (error instanceof SyntaxProblem || error instanceof Violation) return false;
    throw error;
  }
}
