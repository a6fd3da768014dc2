import { tableOf } from '@vivace/testkit';
import type { PlainAttrs, PlainTrace } from '@vivace/testkit';
import { orderByTrace } from '@vivace/trace';
import { describe, expect, it } from 'vitest';
import type { DedicatedColumn } from '../meta.ts';
import { chooseDedicatedColumns } from './choose-dedicated-columns.ts';
import { cutRowGroups } from './row-groups.ts';

function traces(count: number, attrs: (i: number) => PlainAttrs, resource: PlainAttrs = [['service.name', 's']], spans = 1): PlainTrace[] {
  return Array.from({ length: count }, (_, t) => ({
    traceId: (t + 1).toString(16).padStart(32, '0'),
    spans: Array.from({ length: spans }, (_, i) => ({
      spanId: (i + 1).toString(16).padStart(16, '0'),
      parentId: '',
      name: 'n',
      kind: 1,
      startNs: 1n,
      endNs: 2n,
      status: 0,
      attrs: attrs(t * spans + i),
      events: [],
      links: [],
      resource,
      scope: { name: '', version: '', attrs: [] },
    })),
  }));
}

function choose(plain: PlainTrace[], configured: DedicatedColumn[] = []): string[] {
  const table = tableOf(plain);
  return chooseDedicatedColumns(table, orderByTrace(table), configured).map((c) => `${c.scope}.${c.name}`);
}

describe('chooseDedicatedColumns', () => {
  it('takes frequent strings, not numbers, rare keys or keys with a static column', () => {
    const plain = traces(
      100,
      (i) => [['often', 'v'], ['number', 1n], ['http.method', 'GET'], ['http.status_code', '418'], ...(i < 3 ? ([['rare', 'v']] as const) : [])],
      [
        ['service.name', 's'],
        ['zone', 'z'],
        ['cluster', 'c'],
      ],
    );
    expect(choose(plain)).toEqual(['resource.zone', 'span.often']);
  });

  it('keeps what is configured in place and fills up to ten a scope', () => {
    const plain = traces(50, () => Array.from({ length: 14 }, (_, k) => [`k${String(k).padStart(2, '0')}`, 'v'] as const));
    const configured: DedicatedColumn[] = [
      { scope: 'span', name: 'mine', type: 'string' },
      { scope: 'span', name: 'k05', type: 'string' },
    ];
    expect(choose(plain, configured)).toEqual(['mine', 'k05', 'k00', 'k01', 'k02', 'k03', 'k04', 'k06', 'k07', 'k08'].map((name) => `span.${name}`));
  });

  it('prefers the more frequent and lists by name', () => {
    const plain = traces(100, (i) =>
      Array.from({ length: 12 }, (_, k) => [`k${String(k).padStart(2, '0')}`, 'v'] as const).filter((_, k) => k > 1 || i % 2 === 0),
    );
    expect(choose(plain)).toEqual(Array.from({ length: 10 }, (_, k) => `span.k${String(k + 2).padStart(2, '0')}`));
  });
});

describe('cutRowGroups', () => {
  const table = tableOf(traces(10, () => [['k', 'v'.repeat(40)]], [['service.name', 's']], 3));
  const order = orderByTrace(table);

  it('covers all traces in order and divides none', () => {
    const groups = cutRowGroups(table, order, { maxBytes: 1e9, maxSpans: 7 });
    expect(groups.map((g) => g.traceCount)).toEqual([2, 2, 2, 2, 2]);
    expect(groups.flatMap((g) => [...g.traces])).toEqual([...order.traces]);
    expect(groups.flatMap((g) => [...g.spans])).toEqual([...order.spans]);
    for (const group of groups) expect([...group.traceSpans]).toEqual([0, 3, 6]);
  });

  it('counts bytes as Tempo estimates them, and lets a trace that is too large stand alone', () => {
    // Per trace: the resource's key and value, and three spans of 15 values, a key and 40 bytes of value.
    const perTrace = 2 + 3 * (15 + 1 + 2);
    expect(cutRowGroups(table, order, { maxBytes: perTrace * 5, maxSpans: 1e9 }).map((g) => g.traceCount)).toEqual([5, 5]);
    expect(cutRowGroups(table, order, { maxBytes: perTrace * 5 - 1, maxSpans: 1e9 }).map((g) => g.traceCount)).toEqual([4, 4, 2]);
    expect(cutRowGroups(table, order, { maxBytes: 1, maxSpans: 1 })).toHaveLength(10);
  });
});
