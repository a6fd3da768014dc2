import type { SpanColumns } from '@vivace/trace';
import { parseQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import { legacyQuery } from './legacy-query.ts';
import { mergeSearch } from './merge-search.ts';
import type { TraceSearchMetadata } from './model.ts';
import { BASE_NS, columnsOf, recording, span, trace } from './plain.fixture.ts';
import { planSearch } from './plan-search.ts';
import { searchBatches } from './search.ts';
import type { Batches } from './load-ahead.ts';
import type { SearchOptions } from './search.ts';

const ALL = { limit: 20, spansPerSpanSet: 10, legacy: false };

async function search(text: string, batches: Batches, options: Partial<SearchOptions> = {}): Promise<readonly TraceSearchMetadata[]> {
  const given = { ...ALL, ...options };
  return mergeSearch([await searchBatches(planSearch(parseQuery(text)), batches, given)], given);
}

const ids = (found: readonly TraceSearchMetadata[]): readonly number[] => found.map((t) => Number.parseInt(t.traceID, 16));
const later = (ms: number): bigint => BASE_NS + BigInt(ms) * 1_000_000n;

describe('searchBatches', () => {
  it('gives the newest traces first, ties by id, from batches in any order', async () => {
    const batches = Array.from({ length: 24 }, (_, i) => columnsOf(trace(i + 1, span(1, { startNs: later((i * 7) % 12) }))));
    const starts = Array.from({ length: 24 }, (_, i) => ({ id: i + 1, at: (i * 7) % 12 }));
    const expected = starts.sort((a, b) => b.at - a.at || a.id - b.id).map(({ id }) => id);
    expect(ids(await search('{ }', batches, { limit: 5 }))).toEqual(expected.slice(0, 5));
    expect(ids(await search('{ }', batches.reverse(), { limit: 24 }))).toEqual(expected);
  });

  it('loads what showing needs only where something was found', async () => {
    const hit = recording(columnsOf(trace(1, span(1, { attrs: [['a', 1n]] }))));
    const miss = recording(columnsOf(trace(2, span(1))));
    const partial = await searchBatches(planSearch(parseQuery('{ span.a = 1 } | select(span.b)')), [hit.columns, miss.columns], ALL);
    expect(hit.loads.map(({ attrs }) => attrs.map(({ key }) => key))).toEqual([[], ['a'], ['a', 'b']]);
    expect(hit.loads[0].columns).toEqual(['traceTimes']);
    expect(miss.loads).toHaveLength(2);
    expect(partial).toMatchObject({ inspectedTraces: 2, inspectedSpans: 2, inspectedBytes: 5 });
  });

  it('looks only at the times of batches without traces new enough or in the range', async () => {
    const at = (ms: number): SpanColumns => columnsOf(trace(ms + 1, span(1, { startNs: later(ms) })));
    const old = recording(at(0));
    const young = recording(at(500));
    const plan = planSearch(parseQuery('{ }'));
    // Three load at a time: by then the newest has been judged.
    await searchBatches(plan, [old.columns, young.columns, at(100), at(200), at(300), at(400)], { ...ALL, limit: 1, startNs: later(0), endNs: later(450) });
    expect(old.loads.map(({ columns }) => columns)).toEqual([['traceTimes']]);
    expect(young.loads.map(({ columns }) => columns)).toEqual([['traceTimes']]);
  });

  it.each(['{ span.hit = 1 }', '{ span.hit = 1 } | count() > 0'])('finds the newest with %s among many, however few there are', async (text) => {
    const every = (n: number): SpanColumns =>
      columnsOf(...Array.from({ length: 300 }, (_, i) => trace(i + 1, span(1, { startNs: later((i * 7) % 300), attrs: i % n === 0 ? [['hit', 1n]] : [] }))));
    const newest = (n: number): readonly number[] =>
      Array.from({ length: 300 }, (_, i) => ({ id: i + 1, at: (i * 7) % 300 }))
        .filter(({ id }) => (id - 1) % n === 0)
        .sort((a, b) => b.at - a.at)
        .map(({ id }) => id)
        .slice(0, 3);
    for (const n of [1, 2, 30, 100, 250]) expect(ids(await search(text, [every(n)], { limit: 3 }))).toEqual(newest(n));
  });

  it('reads nothing for a query that cannot match', async () => {
    const batch = recording(columnsOf(trace(1, span(1))));
    expect(await search('{ false }', [batch.columns])).toEqual([]);
    expect(batch.loads).toEqual([]);
  });

  it('takes traces that overlap the range', async () => {
    const batch = columnsOf(trace(1, span(1)), trace(2, span(1, { startNs: later(100) })));
    expect(ids(await search('{ }', [batch], { startNs: later(5), endNs: later(99) }))).toEqual([1]);
    expect(ids(await search('{ }', [batch], { startNs: later(6), endNs: later(100) }))).toEqual([2]);
  });

  it('stops when aborted', async () => {
    const signal = AbortSignal.abort();
    await expect(search('{ }', [columnsOf(trace(1, span(1)))], { signal })).rejects.toThrow('aborted');
  });

  it.each([
    ['alternatives', `{ span.n = 1${' || span.n = 2'.repeat(2_400)} }`],
    ['mixed conditions', `{ span.n = 1${' && span.n = 1 || span.n = 2'.repeat(490)} }`],
    ['conditions on events', `{ !(event.n = 1${' && event.n = 2'.repeat(980)}) }`],
    ['sums', `{ span.n${' + 1'.repeat(990)} > 0 }`],
    ['spansets', `{ }${' && { }'.repeat(990)}`],
    ['relations', `{ }${' !>> { }'.repeat(990)}`],
    ['scalars', `{ } | count()${' + count()'.repeat(990)} > 0`],
    ['pipelines', `({ } | count())${' + ({ } | count())'.repeat(900)} > 0`],
    ['parentheses', `{ ${'!('.repeat(120)}span.n = 1${')'.repeat(120)} }`],
    ['stages', `{ }${' | by(span.n)'.repeat(400)}`],
  ])('runs the highest queries there are: %s', async (_, text) => {
    expect(ids(await search(text, [columnsOf(trace(1, span(1, { attrs: [['n', 1n]] })))]))).toEqual([1]);
  });

  it.each([
    ['an expression', '{ span.n + 1 > 0 }'],
    ['a pattern', '{ name =~ "never.?" }'],
    ['a pattern over ids', '{ span:id =~ "never.?" }'],
    ['events', '{ !(event:name = "x") }'],
    ['stages', '{ } | count() > 1000'],
    ['structure', '{ } >> { }'],
  ])('is asked often whether to go on, within one batch: %s', async (_, text) => {
    const traces = Array.from({ length: 40 }, (_, t) =>
      trace(t + 1, ...Array.from({ length: 100 }, (_, s) => span(s + 1, { name: `${t}/${s}`, attrs: [['n', BigInt(s)]] }))),
    );
    const { signal } = new AbortController();
    let asked = 0;
    signal.throwIfAborted = () => {
      if (++asked === 8) throw new Error('stopped in the midst');
    };
    await expect(search(text, [columnsOf(...traces)], { signal, limit: 40 })).rejects.toThrow('stopped in the midst');
  });
});

describe('the answer', () => {
  it('has the shape of the API', async () => {
    const root = span(1, {
      name: 'root',
      status: 2,
      attrs: [
        ['foo', ['a', 'b']],
        ['n', 5n],
      ],
      endNs: BASE_NS + 1_500_000_000n,
    });
    const child = span(2, {
      parentId: root.spanId,
      endNs: BASE_NS,
      resource: [
        ['service.name', 'cart'],
        ['zone', 'z'],
      ],
    });
    const found = await search('{ span.foo = "b" || resource.zone = "z" } | select(kind, duration, span:id, span.n)', [columnsOf(trace(7, root, child))]);
    const spanSet = {
      matched: 2,
      spans: [
        {
          spanID: '0000000000000001',
          startTimeUnixNano: BASE_NS.toString(),
          durationNanos: '1500000000',
          attributes: [
            { key: 'foo', value: { stringValue: 'b' } },
            { key: 'kind', value: { stringValue: 'internal' } },
            { key: 'n', value: { intValue: '5' } },
          ],
        },
        {
          spanID: '0000000000000002',
          startTimeUnixNano: BASE_NS.toString(),
          attributes: [
            { key: 'zone', value: { stringValue: 'z' } },
            { key: 'kind', value: { stringValue: 'internal' } },
          ],
        },
      ],
    };
    expect(found).toEqual([
      {
        traceID: '00000000000000000000000000000007',
        rootServiceName: 'shop',
        rootTraceName: 'root',
        startTimeUnixNano: BASE_NS.toString(),
        durationMs: 1500,
        spanSet,
        spanSets: [spanSet],
        serviceStats: { cart: { spanCount: 1 }, shop: { spanCount: 1, errorCount: 1 } },
      },
    ]);
  });

  it('says when there is no root, and cuts to three spans unless told', async () => {
    const spans = [1, 2, 3, 4].map((id) => span(id, { parentId: '00000000000000ff' }));
    const [found] = await search('{ }', [columnsOf(trace(1, ...spans))], { spansPerSpanSet: 0 });
    expect(found).toMatchObject({ rootServiceName: '<root span not yet received>', spanSet: { matched: 4 } });
    expect(found.spanSet?.spans.map((s) => s.spanID.slice(-1))).toEqual(['1', '2', '3']);
    expect(found).not.toHaveProperty('rootTraceName');
  });

  it('makes one trace of pieces and copies', async () => {
    const root = span(1, { name: 'root', startNs: later(10), status: 2 });
    const early = span(2, { parentId: root.spanId, startNs: BASE_NS });
    const found = await search('{ }', [columnsOf(trace(1, root)), columnsOf(trace(1, early)), columnsOf(trace(1, root, span(3, { startNs: later(11) })))]);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ rootTraceName: 'span-3', startTimeUnixNano: BASE_NS.toString(), durationMs: 16, spanSet: { matched: 3 } });
    expect(found[0].spanSet?.spans.map((s) => s.spanID.slice(-1))).toEqual(['2', '1', '3']);
    expect(found[0].serviceStats).toEqual({ shop: { spanCount: 2, errorCount: 1 } });
  });

  it('refuses more groups of a trace than it may have', async () => {
    const batch = columnsOf(trace(1, span(1, { name: 'a' }), span(2, { name: 'b' }), span(3, { name: 'b' })));
    const ask = (maxGroups: number) => searchBatches(planSearch(parseQuery('{ } | by(name)'), { maxGroups }), [batch], ALL);
    expect((await ask(2)).pieces[0].spanSets).toHaveLength(2);
    await expect(ask(1)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: `by(): trace ${'1'.padStart(32, '0')} has 2 groups, the limit is 1 (querier.search.max_groups)`,
    });
  });

  it('keeps groups of pieces apart by their value', async () => {
    const batches = [columnsOf(trace(1, span(1, { name: 'a' }), span(2, { name: 'b' }))), columnsOf(trace(1, span(3, { name: 'a' })))];
    const [found] = await search('{ } | by(name)', batches);
    expect(found.spanSets?.map((set) => [set.attributes?.[0].value, set.matched])).toEqual([
      [{ stringValue: 'a' }, 2],
      [{ stringValue: 'b' }, 1],
    ]);
  });

  it('gives the structure view one span set whose spans carry all it draws', async () => {
    const root = span(1, { name: 'root', kind: 2 });
    const child = span(2, { parentId: root.spanId, name: 'child', kind: 2 });
    const other = span(3, { parentId: root.spanId, kind: 3 });
    const text =
      '({nestedSetParent<0 && true } &>> { kind = server }) || ({nestedSetParent<0 && true }) | select(status, resource.service.name, name, nestedSetParent, nestedSetLeft, nestedSetRight)';
    const [found] = await search(text, [columnsOf(trace(1, root, child, other))]);
    expect(found.spanSets).toHaveLength(1);
    const keys = ['kind', 'nestedSetLeft', 'nestedSetParent', 'nestedSetRight', 'service.name', 'status'];
    expect(found.spanSet?.spans.map((s) => [s.name, s.attributes?.map(({ key }) => key).sort()])).toEqual([
      ['root', keys],
      ['child', keys],
    ]);
  });

  it('says what compared pipelines counted, and shows the spans they found', async () => {
    const spans = [span(1, { kind: 2 }), span(2, { kind: 3, parentId: '0000000000000001' }), span(3, { kind: 1 })];
    const [found] = await search('({ kind = server } | count()) = ({ kind = client } | count())', [columnsOf(trace(1, ...spans))]);
    expect(found.spanSets).toMatchObject([
      {
        matched: 2,
        attributes: [
          { key: '({ kind = server } | count())', value: { intValue: '1' } },
          { key: '({ kind = client } | count())', value: { intValue: '1' } },
        ],
        spans: [{ spanID: '0000000000000001' }, { spanID: '0000000000000002' }],
      },
    ]);
  });

  it("tells a field of the parent from the span's own", async () => {
    const spans = [span(1, { attrs: [['n', 1n]] }), span(2, { parentId: '0000000000000001', attrs: [['n', 2n]] })];
    const [found] = await search('{ parent.n = 1 } | select(span.n, parent)', [columnsOf(trace(1, ...spans))]);
    expect(found.spanSets?.[0].spans[0].attributes).toEqual([
      { key: 'parent.n', value: { intValue: '1' } },
      { key: 'n', value: { intValue: '2' } },
      { key: 'parent', value: { stringValue: '0000000000000001' } },
    ]);
  });

  it('shows "nil" where a filter asked for absence', async () => {
    const [found] = await search('{ span.gone = nil }', [columnsOf(trace(1, span(1)))]);
    expect(found.spanSet?.spans[0].attributes).toEqual([{ key: 'gone', value: { stringValue: 'nil' } }]);
  });
});

describe('tag search', () => {
  const data = columnsOf(
    trace(1, span(1, { name: 'GET /cart', attrs: [['http.status_code', 500n]] }), span(2, { status: 2, resource: [['service.name', 'Checkout']] })),
    trace(
      2,
      span(1, {
        name: 'x',
        endNs: BASE_NS + 2_000_000_000n,
        attrs: [
          ['ok', true],
          ['ratio', 0.5],
        ],
      }),
    ),
  );
  const ask = async (tags: Record<string, string>, min?: bigint, max?: bigint): Promise<readonly number[]> => {
    const plan = planSearch(legacyQuery(new Map(Object.entries(tags)), min, max), { legacy: true });
    const options = { ...ALL, legacy: true };
    const found = mergeSearch([await searchBatches(plan, [data], options)], options);
    for (const t of found) expect(Object.keys(t)).not.toEqual(expect.arrayContaining(['spanSets', 'serviceStats']));
    return ids(found);
  };

  it('finds parts of text in any case, on any span of the trace', async () => {
    expect(await ask({ 'service.name': 'CHECK', name: 'cart' })).toEqual([1]);
    expect(await ask({ name: 'cart.*' })).toEqual([]);
    expect(await ask({})).toEqual([1, 2]);
  });

  it('compares numbers and bools as whole text', async () => {
    expect(await ask({ 'http.status_code': '500' })).toEqual([1]);
    expect(await ask({ 'http.status_code': '50' })).toEqual([]);
    expect(await ask({ ok: 'true', ratio: '0.5' })).toEqual([2]);
  });

  it('knows the names that stand for fields', async () => {
    expect(await ask({ error: 'true' })).toEqual([1]);
    expect(await ask({ 'status.code': 'error' })).toEqual([1]);
    expect(await ask({ 'root.name': 'x' })).toEqual([2]);
    expect(await ask({ 'root.service.name': 'shop' })).toEqual([2]);
  });

  it('bounds the duration of the trace, inclusive', async () => {
    expect(await ask({}, 2_000_000_000n)).toEqual([2]);
    expect(await ask({}, undefined, 1_999_999_999n)).toEqual([1]);
    expect(await ask({}, 5_000_000n, 2_000_000_000n)).toEqual([1, 2]);
  });
});
