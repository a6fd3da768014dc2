import { parseQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import type { PlainAttrs, PlainSpan, PlainTrace } from '../plain.ts';
import { evaluateNaively } from './evaluate-naively.ts';

const TRACE_ID = '00000000000000000000000000000abc';

function span(id: number, parent: number, more: Partial<PlainSpan> = {}): PlainSpan {
  const hex = (n: number): string => n.toString(16).padStart(16, '0');
  return {
    spanId: hex(id),
    parentId: parent === 0 ? '' : hex(parent),
    name: `s${id}`,
    kind: 1,
    startNs: 1000n,
    endNs: 2000n,
    status: 0,
    attrs: [],
    events: [],
    links: [],
    resource: [],
    scope: { name: '', version: '', attrs: [] },
    ...more,
  };
}

function ask(text: string, spans: readonly PlainSpan[]): string {
  const trace: PlainTrace = { traceId: TRACE_ID, spans };
  return evaluateNaively(parseQuery(text), [trace])
    .flatMap(({ spansets }) => spansets.map((set) => set.spans.map(({ name }) => name).join(' ')))
    .join(' | ');
}

const event = (name: string, attrs: PlainAttrs) => ({ name, timeNs: 1500n, attrs });

describe('values without a meaning of their own', () => {
  const spans = [
    span(1, 0, {
      attrs: [
        ['zero', 0n],
        ['n', 7n],
        ['f', 2.5],
        ['s', 'x'],
        ['list', [1n, 2n]],
        ['flags', [true, false]],
        ['off', false],
      ],
    }),
    span(2, 1),
  ];
  it.each([
    ['{ span.n / span.zero = 0 || span.n % span.zero = 0 }', ''],
    ['{ span.n / span.zero = nil }', 's1 s2'],
    ['{ span.n / 0.0 > maxInt }', 's1'],
    ['{ span.list + 1 > 0 }', ''],
    ['{ -span.s = 1 || -span.none = 1 }', ''],
    ['{ !span.off }', 's1'],
    ['{ !span.none }', ''],
    ['{ !span.s }', ''],
    ['{ span.flags }', ''],
    ['{ span.flags && true }', 's1'],
    ['{ span.none || name = "s2" }', 's2'],
    ['{ span.n - 4.5 = span.f }', 's1'],
    ['{ span.s =~ span.none || span.s =~ span.s }', 's1'],
    ['{ "(" =~ span.s || span.s =~ name }', ''],
    ['{ resource.service.name = "" }', 's1 s2'],
    ['{ span:parentID = "0000000000000000" }', 's1'],
    ['{ trace:id = "abc" }', 's1 s2'],
    ['{ parent.n = 7 }', 's2'],
    ['{ parent.span.n = nil }', 's1'],
    ['{ span:childCount = 1 }', 's1'],
  ])('%s gives %s', (text, found) => {
    expect(ask(text, spans)).toBe(found);
  });
});

describe('events', () => {
  const spans = [
    span(1, 0, { events: [event('a', [['x', 1n]]), event('b', [['y', 2n]])] }),
    span(2, 1, {
      events: [
        event('a', [
          ['x', 1n],
          ['y', 2n],
        ]),
      ],
    }),
    span(3, 1, { attrs: [['x', 1n]] }),
  ];
  it.each([
    ['{ event.x = 1 && event.y = 2 }', 's2'],
    ['{ event.x = 1 } && { event.y = 2 }', 's1 s2'],
    ['{ event.x = 1 } | { event.y = 2 }', 's1 s2'],
    ['{ event.y = 2 || span.x = 1 }', 's1 s2 s3'],
    ['{ (event.x = 1 || event.x = 5) && event:name = "b" }', ''],
    ['{ event:name != "a" }', 's1'],
    ['{ event.x = nil }', 's1 s3'],
    ['{ event:name = "a" && event.y = nil }', 's1'],
    ['{ event:name != nil }', 's1 s2'],
    ['{ event.z != 1 }', ''],
    ['{ } | max(event.y) = 2', 's1 s2 s3'],
    ['{ } | by(event:name)', 's1 s2 | s3'],
  ])('%s gives %s', (text, found) => {
    expect(ask(text, spans)).toBe(found);
  });
});

describe('the tree', () => {
  it.each([
    ['a cycle is related to nothing', [span(1, 2), span(2, 1)], '{ } >> { }', ''],
    ['zeros are no parent', [span(1, 0, { parentId: '0000000000000000' }), span(2, 1)], '{ } > { }', 's2'],
    [
      'of two spans with one id a server span hangs below the client',
      [span(1, 0, { kind: 3, name: 'client' }), span(1, 0, { kind: 2, name: 'server' }), span(2, 1, { kind: 2 }), span(3, 1)],
      '{ name = "client" } > { }',
      's2',
    ],
    [
      'and another below the server',
      [span(1, 0, { kind: 3, name: 'client' }), span(1, 0, { kind: 2, name: 'server' }), span(2, 1, { kind: 2 }), span(3, 1)],
      '{ name = "server" } > { }',
      's3',
    ],
    ['three spans with one id leave no numbers', [span(1, 0), span(1, 0), span(1, 0), span(2, 1)], '{ nestedSetLeft > 0 }', ''],
    [
      'numbers go depth first',
      [span(1, 0), span(2, 1), span(3, 1), span(4, 2)],
      '{ nestedSetLeft = 2 && nestedSetRight = 5 } || { nestedSetParent = 2 }',
      's2 s4',
    ],
  ])('%s', (_, spans, text, found) => {
    expect(ask(text, spans)).toBe(found);
  });
});

describe('a bare attribute', () => {
  const spans = [span(1, 0, { attrs: [['b', true]] }), span(2, 1, { attrs: [['b', [true, false]]] }), span(3, 1, { attrs: [['b', [false, false]]] })];
  it.each([
    ['{ .b }', 's1'],
    ['{ .b = true }', 's1 s2'],
    ['{ .b && true }', 's1 s2'],
    ['{ .b || name = "x" }', 's1 s2'],
    ['{ !.b }', ''],
    ['{ !(.b = true) }', 's3'],
  ])('%s gives %s', (text, found) => {
    expect(ask(text, spans)).toBe(found);
  });
});

describe('the parent', () => {
  const spans = [span(1, 0, { attrs: [['n', 5n]] }), span(2, 1), span(3, 2), span(4, 99), span(5, 1)];
  it.each([
    ['{ parent.n > 3 }', 's2 s5'],
    ['{ parent = nil }', 's1 s4'],
    ['{ parent != nil }', 's2 s3 s5'],
    ['{ parent = "0000000000000001" }', 's2 s5'],
    ['{ parent = span:parentID } | by(parent)', 's2 s5 | s3'],
  ])('%s gives %s', (text, found) => {
    expect(ask(text, spans)).toBe(found);
  });
});

describe('comparison of pipelines', () => {
  const spans = [span(1, 0, { status: 2 }), span(2, 1, { status: 2, attrs: [['n', 4n]] }), span(3, 1, { kind: 2, attrs: [['n', 3n]] }), span(4, 3)];
  it.each([
    ['({ status = error } | count()) > ({ kind = server } | count())', 's1 s2 s3'],
    ['({ kind = server } | count()) > ({ status = error } | count())', ''],
    ['({ status = error } | count()) > ({ name = "none" } | count())', 's1 s2'],
    ['({ name = "none" } | count()) = 0', ''],
    ['({ status = error } | max(span.n)) > ({ name = "none" } | max(span.n))', ''],
    ['({ status = error } | count()) * ({ status = error } | count()) = ({ } | count())', 's1 s2 s3 s4'],
    ['({ } | by(status) | count()) = 4', 's1 s2 s3 s4'],
    ['({ } | by(status) | { kind = server } | count()) = 1', 's3'],
    ['({ status = error } | sum(span.n)) - ({ kind = server } | sum(span.n)) = ({ kind = server } | count())', 's1 s2 s3'],
  ])('%s gives %s', (text, found) => {
    expect(ask(text, spans)).toBe(found);
  });
});

describe('aggregates', () => {
  const spans = [
    span(1, 0, {
      attrs: [
        ['n', -3n],
        ['mix', 1n],
      ],
    }),
    span(2, 1, {
      attrs: [
        ['n', 1n],
        ['mix', 2.5],
      ],
    }),
    span(3, 1, { attrs: [['mix', 'x']] }),
  ];
  it.each([
    ['{ } | avg(span.n) = -1.0', 's1 s2 s3'],
    ['{ } | sum(span.n) = -2', 's1 s2 s3'],
    ['{ } | sum(span.mix) = 3.5 | avg(span.mix) = 1.75', 's1 s2 s3'],
    ['{ } | max(span.mix) = 2.5 | min(span.mix) = 1', 's1 s2 s3'],
    ['{ } | max(span.none) != 0', ''],
    ['{ } | avg(duration) = 1us', 's1 s2 s3'],
    ['{ } | count() + 1 > max(span.n) * 2', 's1 s2 s3'],
    ['{ } | by(name) | count() > 1', ''],
    ['{ span.n != nil } | by(span.n > 0) | coalesce() | count() = 2', 's1 s2'],
  ])('%s gives %s', (text, found) => {
    expect(ask(text, spans)).toBe(found);
  });
});
