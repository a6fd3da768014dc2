// The parser's front door: whole queries, and single fields as in the paths of the tag API.
import type { FieldRef, Query } from './ast.ts';
import { Cursor } from './cursor.ts';
import { parseFieldRef } from './parse-field.ts';
import { parseHints, parseMetrics, parseSecondStages } from './parse-metrics.ts';
import { parseFilter, parseStages } from './parse-pipeline.ts';
import { queryError, syntaxError, SyntaxProblem } from './query-error.ts';
import { assertShape } from './shape.ts';
import { repair } from './repair.ts';

export interface ParseOptions {
  /** Longest query in UTF-8 bytes. Tempo's `max_query_expression_size_bytes`. */
  readonly maxBytes?: number;
  /** Most parentheses, unary operators and right operands open at once. */
  readonly maxNesting?: number;
  /** Highest syntax tree: whoever walks a query recursively relies on it. A chain of n operators is n high. */
  readonly maxHeight?: number;
}

const DEFAULTS: Required<ParseOptions> = { maxBytes: 131_072, maxNesting: 256, maxHeight: 1_000 };
const MAX_REPAIRED_LENGTH = 2_000;

/**
 * query = pipeline [ "|" metrics { second } ] { hints } ;
 * Parses and folds constants; `validateQuery` checks types.
 * @throws AppError invalid_argument: `parse error at line L, col C: syntax error: …`, what was expected, an excerpt with carets,
 * and the query probably meant.
 */
export function parseQuery(text: string, options: ParseOptions = {}): Query {
  const limits = { ...DEFAULTS, ...options };
  if (new TextEncoder().encode(text).length > limits.maxBytes) {
    throw queryError(`query too long: at most ${limits.maxBytes} bytes, see max_query_expression_size_bytes`, text, { from: 0, to: 1 });
  }
  return guarded(text, () => parse(text, limits));
}

/** A field as the tag API names it: `resource.service.name`, `.foo`, `name`, `span:status`, `span."quoted name"`. @throws AppError invalid_argument */
export function parseField(text: string): FieldRef {
  return guarded(text, () => {
    const cursor = new Cursor(text, DEFAULTS.maxNesting);
    const field = parseFieldRef(cursor);
    if (cursor.token.kind !== 'end') cursor.fail('the end of the name');
    return field;
  });
}

function parse(text: string, limits: Required<ParseOptions>): Query {
  const c = new Cursor(text, limits.maxNesting);
  const { stages, metricsFollow } = parseStages(c);
  const metrics = metricsFollow ? parseMetrics(c, parseFilter) : undefined;
  const second = metrics ? parseSecondStages(c) : [];
  const hints = parseHints(c);
  if (c.token.kind !== 'end')
    c.fail(hints.length > 0 ? 'the end of the query' : '`|`, a spanset operator such as `&&` or `>>`, `with` or the end of the query');
  const query: Query = { stages, ...(metrics && { metrics }), second, hints, source: text, loc: { from: 0, to: text.length } };
  assertShape(query, limits.maxHeight);
  return query;
}

function guarded<T>(text: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    throw syntaxError(text, error, text.length <= MAX_REPAIRED_LENGTH ? repair(text, parses) : undefined);
  }
}

function parses(text: string): boolean {
  try {
    parse(text, DEFAULTS);
    return true;
  } catch (error) {
    if (error instanceof SyntaxProblem) return false;
    throw error;
  }
}
