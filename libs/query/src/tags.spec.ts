import type { ValueSummary } from '@vivace/trace';
import { parseField, parseQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import type { TagScope, TagValue } from './model.ts';
import { BASE_NS, columnsOf, recording, span, trace } from './plain.fixture.ts';
import { mergeTagNames, tagNames } from './tag-names.ts';
import { mergeTagValues, tagValues } from './tag-values.ts';

const early = columnsOf(
  trace(
    1,
    span(1, {
      attrs: [
        ['b', 'x'],
        ['a', [1n, 2n]],
        ['odd', null],
      ],
      events: [{ name: 'exception', timeNs: BASE_NS, attrs: [['message', 'm']] }],
      scope: { name: 'lib', version: '1', attrs: [['team', 't']] },
    }),
  ),
);
const late = columnsOf(
  trace(
    2,
    span(1, {
      name: 'other',
      startNs: BASE_NS + 60_000_000_000n,
      attrs: [
        ['b', 2.5],
        ['c', true],
      ],
      resource: [
        ['b', 'res'],
        ['a', -7n],
        ['big', 1n << 62n],
      ],
    }),
  ),
);
const both = [early, late];

async function names(scope?: TagScope, q?: string, limit = 0, range?: { startSec: number; endSec: number }): Promise<Record<string, readonly string[]>> {
  const { scopes } = await tagNames(both, { scope, query: q === undefined ? undefined : parseQuery(q), range, limit });
  return Object.fromEntries(scopes.map(({ name, tags }) => [name, tags]));
}

async function values(tag: string, q?: string, limit = 0): Promise<readonly string[]> {
  const query = q === undefined ? undefined : parseQuery(q);
  const { values: found } = await tagValues(both, { tag: parseField(tag), query, range: undefined, limit });
  return found.map(({ type, value }: TagValue) => `${type} ${value}`);
}

describe('tagNames', () => {
  it('lists every scope that has names, sorted', async () => {
    const { intrinsic, ...rest } = await names();
    expect(intrinsic).toContain('duration');
    expect(rest).toEqual({
      event: ['message'],
      instrumentation: ['team'],
      resource: ['a', 'b', 'big', 'service.name'],
      span: ['a', 'b', 'c', 'odd'],
    });
  });

  it('keeps to one scope and to the limit', async () => {
    expect(await names('span', undefined, 2)).toEqual({ span: ['a', 'b'] });
    expect(await names('link')).toEqual({});
  });

  it('reads dictionaries only, unless a query restricts', async () => {
    const batch = recording(early);
    await tagNames([batch.columns], { scope: 'span', query: undefined, range: undefined, limit: 0 });
    expect(batch.loads).toEqual([]);
    await tagNames([batch.columns], { scope: 'span', query: parseQuery('{ name = "other" }'), range: undefined, limit: 0 });
    expect(batch.loads).toHaveLength(1);
  });

  it('restricts to the spans of one filter in the range', async () => {
    expect(await names('span', '{ name = "other" }')).toEqual({ span: ['b', 'c'] });
    expect(await names('event', '{ name = "other" }')).toEqual({});
    expect(await names('resource', '{ span.c = true }')).toEqual({ resource: ['a', 'b', 'big'] });
    const startSec = Number(BASE_NS / 1_000_000_000n) + 30;
    const range = { startSec, endSec: startSec + 60 };
    expect(await names('span', '{ kind = internal }', 0, range)).toEqual({ span: ['b', 'c'] });
    expect(await names('span', undefined, 0, range)).toEqual({ span: ['b', 'c'] });
    expect(await names('span', undefined, 0, { startSec: 1, endSec: 2 })).toEqual({});
    const late = { tag: parseField('.b'), query: undefined, range, limit: 0 };
    expect((await tagValues(both, late)).values.map(({ value }) => value)).toEqual(['2.5', 'res']);
    const summary: ValueSummary = { strings: undefined, numbers: undefined, isExact: false, isLoaded: false };
    const block = Object.assign(columnsOf(trace(3, span(1, { attrs: [['d', 'stored']] }))), { summarise: async () => summary });
    expect((await tagValues([block], { ...late, tag: parseField('span.d') })).values).toEqual([{ type: 'string', value: 'stored' }]);
  });

  it('ignores what is not one filter', async () => {
    expect(await names('span', '{ name = "other" } | count() > 1')).toEqual({ span: ['a', 'b', 'c', 'odd'] });
  });

  it('loads nothing again for names it has', async () => {
    const again = recording(columnsOf(trace(9, span(1))));
    await tagNames([early, again.columns], { scope: 'resource', query: parseQuery('{ kind = internal }'), range: undefined, limit: 0 });
    expect(again.loads).toEqual([]);
  });

  it('merges answers', () => {
    const part = (...tags: readonly string[]) => ({ scopes: [{ name: 'span' as const, tags }], inspectedBytes: 3 });
    expect(mergeTagNames([part('b', 'c'), part('a', 'b')], { limit: 2, scope: 'span' })).toEqual({
      scopes: [{ name: 'span', tags: ['a', 'b'] }],
      inspectedBytes: 6,
    });
  });

  it('knows intrinsics without any data', () => {
    const intrinsic = { name: 'intrinsic', tags: ['duration', 'event:name'] };
    for (const scope of [undefined, 'intrinsic'] as const) expect(mergeTagNames([], { limit: 2, scope })).toEqual({ scopes: [intrinsic], inspectedBytes: 0 });
    expect(mergeTagNames([], { limit: 2, scope: 'span' })).toEqual({ scopes: [], inspectedBytes: 0 });
  });
});

describe('tagValues', () => {
  it('gives values with their types, arrays by element, sorted', async () => {
    expect(await values('span.b')).toEqual(['float 2.5', 'string x']);
    expect(await values('span.a')).toEqual(['int 1', 'int 2']);
    expect(await values('parent.span.a')).toEqual(['int 1', 'int 2']);
    expect(await values('span.c')).toEqual(['bool true']);
    expect(await values('span.odd')).toEqual([]);
    expect(await values('resource.big')).toEqual([`int ${1n << 62n}`]);
  });

  it('writes floats so that they are read as floats', async () => {
    const floats = columnsOf(trace(1, span(1, { attrs: [['f', [3, -0.5, 1e300, -20]]] })));
    const { values: found } = await tagValues([floats], { tag: parseField('span.f'), query: undefined, range: undefined, limit: 0 });
    expect(found.map(({ type, value }) => `${type} ${value}`)).toEqual(['float -20.0', 'float -0.5', 'float 3.0', 'float 1e+300']);
  });

  it('takes unscoped names from spans and resources', async () => {
    expect(await values('.a')).toEqual(['int -7', 'int 1', 'int 2']);
    expect(await values('.b')).toEqual(['float 2.5', 'string res', 'string x']);
  });

  it('answers intrinsics that are text, keywords, and nothing for the rest', async () => {
    expect(await values('name')).toEqual(['string other', 'string span-1']);
    expect(await values('event:name')).toEqual(['string exception']);
    expect(await values('instrumentation:version')).toEqual(['string ', 'string 1']);
    expect(await values('span:status')).toEqual(['keyword error', 'keyword ok', 'keyword unset']);
    expect(await values('kind')).toHaveLength(6);
    for (const tag of ['duration', 'trace:id', 'span:id', 'nestedSetLeft', 'parent']) expect(await values(tag)).toEqual([]);
  });

  it('restricts by one filter at every level', async () => {
    expect(await values('span.b', '{ span.c = true }')).toEqual(['float 2.5']);
    expect(await values('resource.a', '{ name = "span-1" }')).toEqual([]);
    expect(await values('rootName', '{ span.c = true }')).toEqual(['string other']);
    expect(await values('event.message', '{ span.c = true }')).toEqual([]);
    expect(await values('instrumentation.team', '{ span.b = "x" }')).toEqual(['string t']);
  });

  it('keeps the first values in order, whatever comes first', async () => {
    const many = Array.from({ length: 6_000 }, (_, i) => span(i + 1, { attrs: [['n', BigInt((i * 7_919) % 6_000)]] }));
    const { values: found } = await tagValues([columnsOf(trace(1, ...many))], { tag: parseField('span.n'), query: undefined, range: undefined, limit: 3 });
    expect(found.map(({ value }) => value)).toEqual(['0', '1', '2']);
  });

  it('merges answers', () => {
    const part = (...texts: readonly string[]) => ({ values: texts.map((value) => ({ type: 'string' as const, value })), inspectedBytes: 1 });
    expect(mergeTagValues([part('b', 'a'), part('c', 'a')], { limit: 2, tag: parseField('.a') })).toEqual({ ...part('a', 'b'), inspectedBytes: 2 });
  });

  it('knows keywords without any data', () => {
    expect(mergeTagValues([], { limit: 1, tag: parseField('status') }).values).toEqual([{ type: 'keyword', value: 'error' }]);
    expect(mergeTagValues([], { limit: 1, tag: parseField('name') }).values).toEqual([]);
  });
});
