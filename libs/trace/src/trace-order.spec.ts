import { plainOf, tableOf } from '@vivace/testkit';
import type { PlainSpan, PlainTrace } from '@vivace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sortedTable, TraceAppender } from './append-traces.ts';
import { SpanTable } from './span-table.ts';
import { TableColumns } from './table-columns.ts';
import { orderByTrace } from './trace-order.ts';

const services = ['a', 'b', ''];
const span = fc.record({
  spanId: fc.integer({ min: 1, max: 12 }).map((n) => n.toString(16).padStart(16, '0')),
  parentId: fc.constantFrom('', '0000000000000001', '0000000000000002'),
  name: fc.constantFrom('GET /', 'x', ''),
  kind: fc.integer({ min: 0, max: 5 }),
  startNs: fc.bigInt({ min: 1n, max: 1n << 60n }),
  endNs: fc.constant(0n),
  status: fc.integer({ min: 0, max: 2 }),
  statusMessage: fc.constantFrom('', 'boom'),
  traceState: fc.constantFrom('', 'k=v'),
  attrs: fc.array(
    fc.tuple(
      fc.constantFrom('k', 'n'),
      fc.oneof(fc.string(), fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), fc.boolean(), fc.constant(['a', 'b']), fc.constant(null)),
    ),
  ),
  events: fc.array(
    fc.record({ name: fc.string(), timeNs: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), attrs: fc.constant([['e', 1n]] as const), dropped: fc.nat(3) }),
    { maxLength: 2 },
  ),
  links: fc.array(
    fc.record({
      traceId: fc.constant('0'.repeat(31) + '7'),
      spanId: fc.constant('0000000000000009'),
      traceState: fc.constant(''),
      attrs: fc.constant([]),
      dropped: fc.constant(0),
    }),
    { maxLength: 1 },
  ),
  resource: fc.constantFrom(...services).map((s) => [['service.name', s] as const]),
  scope: fc.constantFrom({ name: 'lib', version: '1', attrs: [] }, { name: '', version: '', attrs: [] }),
  droppedAttrs: fc.nat(2),
  droppedEvents: fc.constant(0),
  droppedLinks: fc.constant(0),
});
const trace = fc.record({
  traceId: fc.integer({ min: 1, max: 40 }).map((n) => (n * 0x01010101).toString(16).padStart(32, '0')),
  spans: fc.array(span, { minLength: 1, maxLength: 9 }),
});
const traces = fc.array(trace, { maxLength: 12 }).map((all) => all.map((t) => ({ ...t, spans: t.spans.map((s) => ({ ...s, endNs: s.startNs + 5n })) })));

/** Sorting as one would write it without caring for speed. */
function naive(input: readonly PlainTrace[]): PlainTrace[] {
  const byId = new Map<string, PlainSpan[]>();
  for (const t of input) byId.set(t.traceId, [...(byId.get(t.traceId) ?? []), ...t.spans]);
  return [...byId]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([traceId, all]) => {
      const spans = all.filter((s, i) => all.findIndex((o) => o.spanId === s.spanId && o.kind === s.kind) === i);
      const rank = (pick: (s: PlainSpan) => unknown) => {
        const seen = spans.map((s) => JSON.stringify(pick(s)));
        return (s: PlainSpan) => seen.indexOf(JSON.stringify(pick(s)));
      };
      const resource = rank((s) => s.resource);
      const scope = rank((s) => s.scope);
      return { traceId, spans: [...spans].sort((a, b) => resource(a) - resource(b) || scope(a) - scope(b)) };
    });
}

describe('orderByTrace', () => {
  it('groups by trace, resource and scope and drops duplicates, as the naive sort does', () => {
    fc.assert(
      fc.property(traces, (input) => {
        expect(plainOf(tableOf(input))).toEqual(naive(input));
      }),
      { numRuns: 300 },
    );
  });

  it('survives a copy into a sorted table and an assembly from two tables', () => {
    fc.assert(
      fc.property(traces, traces, (a, b) => {
        const table = tableOf(a);
        expect(plainOf(sortedTable(table, orderByTrace(table)))).toEqual(naive(a));
        const both = new SpanTable();
        for (const part of [tableOf(a), tableOf(b)]) new TraceAppender(part, both).append(orderByTrace(part));
        // Within one source the order is the sorted one, so the naive assembly starts from that.
        expect(plainOf(both)).toEqual(naive([...naive(a), ...naive(b)]));
      }),
      { numRuns: 200 },
    );
  });

  it('keeps a large trace with many resources in order', () => {
    const spans = Array.from(
      { length: 300 },
      (_, i): PlainSpan => ({
        spanId: (i + 1).toString(16).padStart(16, '0'),
        parentId: '',
        name: `s${i}`,
        kind: 1,
        startNs: BigInt(i),
        endNs: BigInt(i),
        status: 0,
        statusMessage: '',
        traceState: '',
        attrs: [],
        events: [],
        links: [],
        resource: [['service.name', `svc-${i % 7}`]],
        scope: { name: `l${i % 3}`, version: '', attrs: [] },
        droppedAttrs: 0,
        droppedEvents: 0,
        droppedLinks: 0,
      }),
    );
    const input = [{ traceId: 'f'.repeat(32), spans }];
    expect(plainOf(tableOf(input))).toEqual(naive(input));
  });
});

describe('TableColumns', () => {
  it('gathers columns in view order and finds attributes with all their elements', async () => {
    await fc.assert(
      fc.asyncProperty(traces, async (input) => {
        const columns = new TableColumns(tableOf(input));
        const plain = naive(input).flatMap((t) => t.spans);
        expect(columns.spanCount).toBe(plain.length);
        const names = columns.name();
        expect(Array.from(names.ids, (id) => names.dict.get(id))).toEqual(plain.map((s) => s.name));
        expect(Array.from(columns.kind())).toEqual(plain.map((s) => s.kind));
        const want = plain.flatMap((s, row) => s.attrs.filter(([key]) => key === 'k').flatMap(([, v]) => (Array.isArray(v) ? v : [v]).map(() => row)));
        expect(Array.from(columns.attr('span', 'k')[0]?.rows ?? [])).toEqual(want);
        const keys = new Set(plain.flatMap((s) => s.attrs.map(([key]) => key)));
        for (const key of keys) expect(await columns.attrKeys('span')).toContain(key);
        expect(columns.eventCount()).toBe(plain.reduce((n, s) => n + s.events.length, 0));
      }),
      { numRuns: 150 },
    );
  });
});
