// The parser's front door: whole queries, and single fields as in the paths of the tag API.
import type { FieldRef, Query } from './ast.ts';
import { Cursor } from './cursor.ts';
import { parseFieldRef } from './parse-field.ts';
import { parseText, SHAPE_LIMITS } from './parse-text.ts';
import type { ShapeLimits } from './parse-text.ts';
import { propose } from './propose.ts';
import { queryError, syntaxError, SyntaxProblem } from './query-error.ts';

export interface ParseOptions extends Partial<ShapeLimits> {
  /** Longest query in UTF-8 bytes. Tempo's `max_query_expression_size_bytes`. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 131_072;

/**
 * Parses and folds constants; `validateQuery` checks types.
 * @throws AppError invalid_argument: `parse error at line L, col C: syntax error: …`, what was expected, an excerpt with carets,
 * and the query that was probably meant.
 */
export function parseQuery(text: string, { maxBytes = MAX_BYTES, ...limits }: ParseOptions = {}): Query {
  if (new TextEncoder().encode(text).length > maxBytes) {
    throw queryError(`query too long: at most ${maxBytes} bytes, see max_query_expression_size_bytes`, text, { from: 0, to: 1 });
  }
  return guarded(text, propose, () => parseText(text, { ...SHAPE_LIMITS, ...limits }));
}

/** A field as the tag API names it: `resource.service.name`, `.foo`, `name`, `span:status`, `span."quoted name"`. @throws AppError invalid_argument */
export function parseField(text: string): FieldRef {
  return guarded(
    text,
    () => undefined,
    () => {
      const cursor = new Cursor(text, SHAPE_LIMITS.maxNesting);
      const field = parseFieldRef(cursor);
      if (cursor.token.kind !== 'end') cursor.fail('the end of the name');
      return field;
    },
  );
}

function guarded<T>(text: string, meant: typeof propose, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    throw syntaxError(text, error, meant(text));
  }
}
