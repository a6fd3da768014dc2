import fc from 'fast-check';
import { expect, it } from 'vitest';
import { queries } from './ast.fixture.ts';
import { parseQuery } from './parse-query.ts';
import { printQuery } from './print.ts';

/** A tree without its places. */
function bare(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(bare);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key]) => key !== 'loc' && key !== 'source')
      .map(([key, value]) => [key, bare(value)]),
  );
}

it('parses what it prints to the same tree, and prints that the same', () => {
  fc.assert(
    fc.property(queries, (query) => {
      const text = printQuery(query);
      const parsed = parseQuery(text);
      expect(bare(parsed)).toEqual(bare(query));
      expect(printQuery(parsed)).toBe(text);
    }),
    { numRuns: 1_000 },
  );
});
