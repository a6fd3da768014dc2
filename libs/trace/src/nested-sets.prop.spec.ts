import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nestedSets } from './nested-sets.ts';

interface Span {
  id: number;
  parent: number;
  kind: number;
}

const SERVER = 2;
const CLIENT = 3;

/** Straight from the description, quadratic. */
function naive(spans: readonly Span[]): [left: number, right: number, parent: number][] {
  const out = spans.map((): [number, number, number] => [0, 0, 0]);
  if (spans.some((s) => spans.filter((o) => o.id === s.id).length > 2)) return out;
  const parentOf = spans.map((span) => {
    if (span.parent === 0) return -1;
    const found = spans.flatMap((o, i) => (o.id === span.parent ? [i] : []));
    if (found.length < 2) return found[0] ?? -2;
    return found.find((i) => spans[i].kind === (span.kind === SERVER ? CLIENT : SERVER)) ?? -2;
  });
  let next = 1;
  const visit = (i: number, parent: number): void => {
    out[i] = [next++, 0, parent];
    parentOf.forEach((up, child) => {
      if (up === i) visit(child, out[i][0]);
    });
    out[i][1] = next++;
  };
  spans.forEach((span, i) => {
    if (span.parent === 0) visit(i, -1);
  });
  return out;
}

function run(traces: readonly (readonly Span[])[]): [number, number, number][] {
  const spans = traces.flat();
  const offsets = [0];
  for (const trace of traces) offsets.push(offsets[offsets.length - 1] + trace.length);
  const ids = new BigUint64Array(spans.map((s) => BigInt(s.id) << 30n));
  const parents = new BigUint64Array(spans.map((s) => BigInt(s.parent) << 30n));
  const sets = nestedSets(
    spans.length,
    Uint32Array.from(offsets),
    new Uint8Array(ids.buffer),
    new Uint8Array(parents.buffer),
    Uint8Array.from(spans.map((s) => s.kind)),
  );
  return spans.map((_, i) => [sets.left[i], sets.right[i], sets.parent[i]]);
}

const sparse = fc.record({ id: fc.integer({ min: 1, max: 8 }), parent: fc.integer({ min: 0, max: 8 }), kind: fc.integer({ min: 1, max: 3 }) });
/** Mostly trees: unique ids, parents among the spans before. */
const tree = fc.array(fc.record({ up: fc.nat(20), kind: fc.integer({ min: 1, max: 3 }) }), { minLength: 1, maxLength: 40 }).chain((nodes) =>
  fc.shuffledSubarray(
    nodes.map(({ up, kind }, i): Span => ({ id: i + 1, parent: up === 0 ? 0 : Math.max(0, i + 1 - up), kind })),
    { minLength: 1 },
  ),
);

describe('nestedSets', () => {
  it('equals the definition, for trees, forests, orphans, cycles, twins and triples', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.array(sparse, { minLength: 1, maxLength: 8 }), tree), { minLength: 1, maxLength: 4 }), (traces) => {
        expect(run(traces)).toEqual(traces.flatMap(naive));
      }),
      { numRuns: 1000 },
    );
  });

  it('numbers two roots in one sequence and leaves orphans out', () => {
    const root1 = { id: 1, parent: 0, kind: 1 };
    const orphan = { id: 4, parent: 99, kind: 1 };
    expect(run([[root1, { id: 2, parent: 1, kind: 1 }, { id: 3, parent: 0, kind: 1 }, orphan, { id: 5, parent: 4, kind: 1 }]])).toEqual([
      [1, 4, -1],
      [2, 3, 1],
      [5, 6, -1],
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it('puts the server under its client when both share an id', () => {
    expect(
      run([
        [
          { id: 1, parent: 0, kind: CLIENT },
          { id: 1, parent: 1, kind: SERVER },
          { id: 2, parent: 1, kind: 1 },
        ],
      ]),
    ).toEqual([
      [1, 6, -1],
      [2, 5, 1],
      [3, 4, 2],
    ]);
  });
});
