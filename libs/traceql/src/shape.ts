// The budget of height, checked without recursion.
import type { Loc, Query } from './ast.ts';
import { SyntaxProblem } from './query-error.ts';

interface Located {
  readonly kind: string;
  readonly loc: Loc;
}

/** Throws SyntaxProblem when a path from the root is longer than `maxHeight` nodes. */
export function assertShape(query: Query, maxHeight: number): void {
  const open: { readonly node: Located; readonly height: number }[] = [];
  const push = (value: unknown, height: number): void => {
    if (Array.isArray(value)) for (const item of value) push(item, height);
    else if (isNode(value)) open.push({ node: value, height });
  };
  push([query.stages, query.metrics], 1);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, height } = next;
    if (height > maxHeight) throw new SyntaxProblem('query too complex', node.loc, `at most ${maxHeight} operators in one chain`);
    for (const child of Object.values(node)) push(child, height + 1);
  }
}

function isNode(value: unknown): value is Located {
  return typeof value === 'object' && value !== null && 'kind' in value && 'loc' in value;
}
