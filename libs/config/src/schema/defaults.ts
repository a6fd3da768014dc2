import { unreachable } from '@vivace/base';
import type { Node, Value } from './node.ts';

/** The value of a node nobody wrote. */
export function defaultOf<N extends Node>(schema: N): Value<N> {
  return untypedDefault(schema) as Value<N>; // follows the schema node by node
}

/** The same where the schema is walked and its type is lost. */
export function untypedDefault(schema: Node): unknown {
  switch (schema.kind) {
    case 'leaf':
    case 'list':
      return schema.default;
    case 'map':
      return {};
    case 'optional':
    case 'free':
      return undefined;
    case 'group':
      return Object.fromEntries(Object.entries(schema.fields).map(([key, field]) => [key, untypedDefault(field)]));
    default:
      return unreachable(schema);
  }
}
