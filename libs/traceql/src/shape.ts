// The budget of a query's tree, checked without recursion.
import type { Loc, Query } from './ast.ts';
import type { ShapeLimits } from './parse-text.ts';
import { SyntaxProblem } from './query-error.ts';

interface Located {
  readonly kind: string;
  readonly loc: Loc;
}

/** Throws SyntaxProblem when a path from the root is longer than `maxHeight` nodes, or when there are more than `maxNodes`. */
export function assertShape(query: Query, { maxHeight, maxNodes }: Omit<ShapeLimits, 'maxNesting'>): void {
  const open: { readonly node: Located; readonly height: number }[] = [];
  let nodes = 0;
  const push = (value: unknown, height: number): void => {
    if (Array.isArray(value)) for (const item of value) push(item, height);
    else if (isNode(value)) open.push({ node: value, height });
  };
  push([query.stages, query.metrics, query.second], 1);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, height } = next;
    if (height > maxHeight) throw new SyntaxProblem('query too complex', node.loc, `at most ${maxHeight} operators in one chain`);
    if (++nodes > maxNodes) throw new SyntaxProblem('query too complex', node.loc, `at most ${maxNodes} stages, operators and operands`);
    for (const child of Object.values(node)) push(child, height + 1);
  }
}

function isNode(value: unknown): value is Located {
  return typeof value === 'object' && value !== null && 'kind' in value && 'loc' in value;
}
