import type { Query } from './ast.ts';
import { Cursor } from './cursor.ts';
import { parseHints, parseMetrics, parseSecondStages } from './parse-metrics.ts';
import { parseFilter, parseStages } from './parse-pipeline.ts';
import { assertShape } from './shape.ts';

/** What bounds the tree of a query. */
export interface ShapeLimits {
  /** Most parentheses, unary operators and right operands open at once. */
  readonly maxNesting: number;
  /** Highest syntax tree: whoever walks a query recursively relies on it. A chain of n operators is n high. */
  readonly maxHeight: number;
  /** Most nodes: stages, operators, operands. */
  readonly maxNodes: number;
}

export const SHAPE_LIMITS: ShapeLimits = { maxNesting: 256, maxHeight: 1_000, maxNodes: 10_000 };

/** query = pipeline [ "|" metrics { second } ] { hints } ; throws SyntaxProblem. */
export function parseText(text: string, limits = SHAPE_LIMITS): Query {
  const c = new Cursor(text, limits.maxNesting);
  const { stages, metricsFollow } = parseStages(c);
  const metrics = metricsFollow ? parseMetrics(c, parseFilter) : undefined;
  const second = metrics ? parseSecondStages(c) : [];
  const hints = parseHints(c);
  if (c.token.kind !== 'end')
    c.fail(hints.length > 0 ? 'the end of the query' : '`|`, a spanset operator such as `&&` or `>>`, `with` or the end of the query');
  const query: Query = { stages, ...(metrics && { metrics }), second, hints, source: text, loc: { from: 0, to: text.length } };
  assertShape(query, limits);
  return query;
}
