import type { PlainAttrs, PlainEvent, PlainSpan, PlainTrace } from '@vivace/testkit';

// Traces that give every query of testdata/grafana/queries.txt something to find, and every rule of the contract something to break.

const MS = 1_000_000n;
const SERVER = 2;
const CLIENT = 3;
const CONSUMER = 5;
const ERROR = 2;

/** Trace ids by what they are for. */
export const IDS = {
  checkout: '0000000000000000000000000000c0de',
  front: '4bf92f3577b34da6a3ce929d0e0e4736',
  queue: '5b8efff798038103d269b633813fc60c',
  broken: '6b8efff798038103d269b633813fc60c',
  twoRoots: '7b8efff798038103d269b633813fc60c',
  odd: '8b8efff798038103d269b633813fc60c',
} as const;

/** Starts at `startNs` and lasts three seconds. */
export function grafanaTraces(startNs: bigint): readonly PlainTrace[] {
  const span = (spanId: number, parent: number, atMs: number, durationMs: number, rest: Partial<PlainSpan> & { readonly name: string }): PlainSpan => ({
    spanId: idOf(spanId),
    parentId: parent === 0 ? '' : idOf(parent),
    startNs: startNs + BigInt(atMs) * MS,
    endNs: startNs + BigInt(atMs + durationMs) * MS,
    kind: 1,
    status: 0,
    attrs: [],
    events: [],
    links: [],
    resource: resourceOf('front'),
    scope: { name: 'lib', version: '1.2', attrs: [] },
    ...rest,
  });
  const boom = (atMs: number, message: string): PlainEvent => ({
    name: 'exception',
    timeNs: startNs + BigInt(atMs) * MS,
    attrs: [
      ['exception.message', message],
      ['exception.type', 'E'],
      ['exception.stacktrace', 'at main'],
    ],
  });
  const server = (attrs: PlainAttrs) => ({ kind: SERVER, attrs });
  const failed = { status: ERROR, statusMessage: 'failed' };
  return [
    {
      traceId: IDS.front,
      spans: [
        span(0x11, 0, 0, 2_000, {
          name: 'GET /',
          ...failed,
          ...server([
            ['http.method', 'GET'],
            ['http.status_code', 500n],
            ['network.protocol.version', '1.1'],
          ]),
          events: [boom(5, 'boom'), boom(6, 'user 42 not found')],
          links: [{ traceId: IDS.queue, spanId: idOf(0x31), attrs: [] }],
        }),
        span(0x12, 0x11, 10, 800, { name: 'call', kind: CLIENT, status: 1, attrs: [['peer.service', 'x']] }),
        span(0x13, 0x12, 20, 700, {
          name: 'GET /items',
          resource: resourceOf('back'),
          ...failed,
          ...server([
            ['http.method', 'POST'],
            ['http.status_code', 503n],
          ]),
          events: [boom(25, 'boom')],
        }),
        span(0x14, 0x13, 30, 200, {
          name: 'SELECT',
          kind: CLIENT,
          resource: resourceOf('back'),
          attrs: [
            ['db.system', 'x'],
            ['db.system.name', 'postgresql'],
            ['db.name', 'x'],
          ],
        }),
        span(0x15, 0x11, 900, 50, { name: 'internal', resource: resourceOf('back'), status: 1 }),
      ],
    },
    {
      traceId: IDS.checkout,
      spans: [
        span(0x21, 0, 500, 600, {
          name: 'POST /pay',
          resource: resourceOf('checkout'),
          ...failed,
          ...server([
            ['http.status_code', 500n],
            ['flag', true],
          ]),
          events: [boom(501, 'boom')],
        }),
        span(0x22, 0x21, 510, 300, { name: 'charge', resource: resourceOf('front'), ...failed, kind: SERVER }),
      ],
    },
    {
      traceId: IDS.queue,
      spans: [
        span(0x31, 0, 1_500, 90, {
          name: 'consume',
          kind: CONSUMER,
          resource: resourceOf('worker'),
          attrs: [
            ['db.system.name', 'redis'],
            ['messaging.system', 'x'],
          ],
        }),
      ],
    },
    { traceId: IDS.broken, spans: [span(0x41, 0x4f, 1_600, 10, { name: 'orphan', kind: SERVER }), span(0x42, 0x41, 1_601, 5, { name: 'child' })] },
    {
      traceId: IDS.twoRoots,
      spans: [span(0x51, 0, 1_700, 20, { name: 'one', kind: SERVER }), span(0x52, 0x51, 1_701, 2, { name: 'leaf' }), span(0x53, 0, 1_710, 20, { name: 'two' })],
    },
    {
      traceId: IDS.odd,
      spans: [
        span(0x61, 0, 2_000, 1, { name: 'text', attrs: [['mixed', 'a'], ...ODD] }),
        span(0x62, 0x61, 2_000, 1, { name: 'int', attrs: [['mixed', 7n]] }),
        span(0x63, 0x61, 2_000, 1, { name: 'double', attrs: [['mixed', Number.NaN]] }),
        span(0x64, 0x61, 2_000, 1, { name: 'bool', attrs: [['mixed', false]] }),
        span(0x65, 0x61, 2_000, 1, { name: 'list', attrs: [['mixed', ['a', 'b']]] }),
        span(0x66, 0x61, 2_000, 0, { name: '', resource: [], scope: { name: '', version: '', attrs: [] } }),
      ],
    },
  ];
}

/** Names that are hard to put into a path, and values that are hard to put into JSON. */
export const ODD: PlainAttrs = [
  ['a/b c', 'slash'],
  ['say "hi"', 'quote'],
  ['100%', 'percent'],
  ['ключ', 'кириллица'],
  ['none', ''],
  ['half', 0.5],
  ['infinite', Number.POSITIVE_INFINITY],
  ['list', ['a', 'b']],
  ['numbers', [1n, 2n]],
  ['nested', { kvlist: { k: 'v' } }],
  ['raw', { bytes: Uint8Array.of(1, 2, 255) }],
];

function resourceOf(service: string): PlainAttrs {
  return [
    ['service.name', service],
    ['service.namespace', 'ns'],
    ['cluster', 'eu'],
  ];
}

function idOf(n: number): string {
  return n.toString(16).padStart(16, '0');
}
