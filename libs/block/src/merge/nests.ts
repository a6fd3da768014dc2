import { schemaLeaves } from '@vivace/parquet';
import { COLUMN } from '../read/columns.ts';
import { SCHEMA } from '../schema.ts';

/** A list of the schema with the columns that have an entry for each of its elements: these have their repetition levels in common. */
export interface Nest {
  /** Repetition level of the list; 0 are the rows. */
  readonly depth: number;
  /** The list around it, by number. */
  readonly parent: number;
  /** A required column: it has a value in every element. The cheapest one to read; -1 for the rows, which need none. */
  readonly column: number;
}

const LEAVES = schemaLeaves(SCHEMA);
/** Small columns that tell the levels of their list; of the others the first column does. */
const CHEAP = /\.(IsArray|DroppedAttributesCount|ErrorCount)$/;

function listOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('.list.element'), path.lastIndexOf('.key_value')));
}

function findNests(): { nests: Nest[]; nestOf: number[] } {
  const nests: Nest[] = [{ depth: 0, parent: -1, column: -1 }];
  const numbers = new Map([['', 0]]);
  const nestOf: number[] = [];
  const add = (path: string, depth: number): number => {
    const known = numbers.get(path);
    if (known !== undefined) return known;
    const parent = add(listOf(path), depth - 1);
    const columns = LEAVES.filter((leaf) => listOf(leaf.path) === path && isRequired(leaf.index));
    const column = columns.find((leaf) => CHEAP.test(leaf.path)) ?? columns[0];
    numbers.set(path, nests.length);
    return nests.push({ depth, parent, column: column.index }) - 1;
  };
  for (const leaf of LEAVES) nestOf.push(add(listOf(leaf.path), leaf.maxRepetition));
  return { nests, nestOf };
}

/** Whether every element of its list has a value of a column. */
export function isRequired(column: number): boolean {
  const { maxDefinition, repeatedAt } = LEAVES[column];
  return maxDefinition === (repeatedAt.at(-1) ?? 0);
}

const found = findNests();
/** Lists come after those around them. */
export const NESTS: readonly Nest[] = found.nests;
/** The list of each column. */
export const NEST_OF: readonly number[] = found.nestOf;
export const SPAN_NEST = NEST_OF[COLUMN.spanId];
