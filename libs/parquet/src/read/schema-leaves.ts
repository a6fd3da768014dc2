import type { Leaf, SchemaElement } from '../format.ts';
import { Repetition } from '../format.ts';
import { corrupt } from './corrupt.ts';

const MAX_DEPTH = 64;

/** A leaf and the definition level from which each of its repeated ancestors has an element: `repeatedAt[r - 1]` for repetition level `r`. */
export interface ReadLeaf extends Leaf {
  readonly repeatedAt: readonly number[];
}

/** The leaves of a flattened schema, in column order. Throws `data_loss` when the tree does not add up; `offset` is where the footer of object `name` begins. */
export function schemaLeaves(schema: readonly SchemaElement[], name = 'schema', offset = 0): readonly ReadLeaf[] {
  const leaves: ReadLeaf[] = [];
  let next = 0;
  const fail = (problem: string): never => {
    throw corrupt(name, offset, `schema element ${next - 1}: ${problem} in the footer`);
  };
  const visit = (path: string, definition: number, repeatedAt: readonly number[], depth: number): void => {
    const element = schema[next++];
    if (element === undefined) return fail(`${schema.length} elements, more are announced`);
    if (depth > MAX_DEPTH) fail(`nested deeper than ${MAX_DEPTH}`);
    const root = depth === 0;
    const d = definition + (root || element.repetition === Repetition.REQUIRED ? 0 : 1);
    const lists = !root && element.repetition === Repetition.REPEATED ? [...repeatedAt, d] : repeatedAt;
    const here = root ? '' : path === '' ? element.name : `${path}.${element.name}`;
    if (element.type === undefined || (root && element.numChildren !== undefined)) {
      for (let i = 0; i < (element.numChildren ?? 0); i++) visit(here, d, lists, depth + 1);
      return;
    }
    if (element.numChildren) fail(`leaf ${here} has children`);
    leaves.push({ index: leaves.length, path: here, type: element.type, maxDefinition: d, maxRepetition: lists.length, element, repeatedAt: lists });
  };
  visit('', 0, [], 0);
  if (next !== schema.length) fail(`${schema.length - next} elements beyond the tree`);
  return leaves;
}
