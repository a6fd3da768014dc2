import fc from 'fast-check';
import type { PlainAttrs, PlainSpan, PlainTrace, PlainValue } from './plain.ts';

const scalar: fc.Arbitrary<PlainValue> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('GET', 'POST', 'x', '', 'nil', 'a b', 'ключ') },
  { weight: 3, arbitrary: fc.bigInt({ min: -5n, max: 600n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }) },
  { weight: 2, arbitrary: fc.constantFrom(0.5, -1.25, 3, 1e300) },
  { weight: 2, arbitrary: fc.boolean() },
);
const value: fc.Arbitrary<PlainValue> = fc.oneof(
  { weight: 12, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(fc.bigInt({ min: 0n, max: 9n }), { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.oneof(fc.array(fc.boolean(), { maxLength: 3 }), fc.array(fc.constantFrom(0.5, 3, -1.25), { maxLength: 2 })) },
  { weight: 1, arbitrary: fc.constantFrom<PlainValue>(null, ['a', 1n], { kvlist: { k: 'v', n: 5n } }, { bytes: new Uint8Array([1, 2, 3, 4]) }) },
);

/** Attribute lists without duplicate keys over a small set of names, so that queries hit. */
export function plainAttrs(keys: readonly string[], maxLength = 4): fc.Arbitrary<PlainAttrs> {
  return fc.uniqueArray(fc.tuple(fc.constantFrom(...keys), value), { maxLength, selector: ([key]) => key });
}

const resources = fc.uniqueArray(
  fc.tuple(fc.constantFrom('service.name', 'k8s.pod.name', 'zone', 'replicas'), fc.oneof(fc.constantFrom<PlainValue>('cart', 'front', ''), scalar)),
  {
    maxLength: 3,
    selector: ([key]) => key,
  },
);

function span(baseNs: bigint): fc.Arbitrary<PlainSpan> {
  return fc
    .record({
      id: fc.integer({ min: 1, max: 14 }),
      parent: fc.integer({ min: 0, max: 14 }),
      name: fc.constantFrom('GET /', 'db.query', 'x', ''),
      kind: fc.integer({ min: 0, max: 5 }),
      offsetNs: fc.bigInt({ min: 0n, max: 5_000_000_000n }),
      durationNs: fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 3_000_000_000n })),
      status: fc.integer({ min: 0, max: 2 }),
      statusMessage: fc.constantFrom('', 'boom'),
      traceState: fc.constantFrom('', 'k=v'),
      attrs: plainAttrs(['foo', 'http.method', 'http.status_code', 'http.url', 'n']),
      events: fc.array(
        fc.record({
          name: fc.constantFrom('exception', 'e'),
          atNs: fc.bigInt({ min: -1000n, max: 1_000_000n }),
          attrs: plainAttrs(['level', 'n'], 2),
          dropped: fc.constantFrom(0, 2),
        }),
        { maxLength: 2 },
      ),
      links: fc.array(
        fc.record({
          traceId: fc.constantFrom('0000000000000000000000000000002a', 'c0ffee00000000000000000000000001'),
          spanId: fc.constantFrom('0000000000000001', 'a1b2c3d4e5f60718'),
          traceState: fc.constantFrom('', 's'),
          attrs: plainAttrs(['relation'], 1),
          dropped: fc.constantFrom(0, 1),
        }),
        { maxLength: 1 },
      ),
      resource: resources,
      scope: fc.constantFrom(
        { name: 'lib', version: '1.0', attrs: [] },
        { name: '', version: '', attrs: [] },
        { name: 'lib', version: '2', attrs: [['team', 'edge'] as const] },
      ),
      dropped: fc.constantFrom(0, 0, 3),
    })
    .map((s) => {
      const startNs = baseNs + s.offsetNs;
      return {
        spanId: s.id.toString(16).padStart(16, '0'),
        parentId: s.parent === 0 ? '' : s.parent.toString(16).padStart(16, '0'),
        name: s.name,
        kind: s.kind,
        startNs,
        endNs: startNs + s.durationNs,
        status: s.status,
        statusMessage: s.statusMessage,
        traceState: s.traceState,
        attrs: s.attrs,
        events: s.events.map((e) => ({ name: e.name, timeNs: startNs + e.atNs, attrs: e.attrs, dropped: e.dropped })),
        links: s.links,
        resource: s.resource,
        scope: s.scope,
        droppedAttrs: s.dropped,
        droppedEvents: s.dropped,
        droppedLinks: 0,
      };
    });
}

/** Traces with distinct ids, ascending; span ids may repeat within a trace and parents may be missing. */
export function plainTraces(options: { maxTraces?: number; maxSpans?: number; baseNs?: bigint } = {}): fc.Arbitrary<PlainTrace[]> {
  const base = options.baseNs ?? 1_700_000_000_000_000_000n;
  return fc
    .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 255 }), fc.array(span(base), { minLength: 1, maxLength: options.maxSpans ?? 8 })), {
      maxLength: options.maxTraces ?? 8,
      selector: ([id]) => id,
    })
    .map((all) => all.sort(([a], [b]) => a - b).map(([id, spans]) => ({ traceId: (id * 0x01000001).toString(16).padStart(32, '0'), spans })));
}
