// Query hints: `with(most_recent=true)` (docs/traceql.md).
import type { Query, Static } from './ast.ts';

/** The first hint of that name and one of those types; hints with another type, and unknown names, count for nothing. */
export function findHint<T extends Static['type']>(query: Query, name: string, ...types: readonly T[]): Extract<Static, { readonly type: T }> | undefined {
  for (const hint of query.hints) {
    if (hint.name === name && hasType(hint.value, types)) return hint.value;
  }
  return undefined;
}

function hasType<T extends Static['type']>(value: Static, types: readonly T[]): value is Extract<Static, { readonly type: T }> {
  return (types as readonly string[]).includes(value.type);
}
