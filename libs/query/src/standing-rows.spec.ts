import { parseField, parseQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import { mergeSearch } from './merge-search.ts';
import { finishInstant, finishRange } from './metrics/finish-metrics.ts';
import { mergeMetrics } from './metrics/merge-metrics.ts';
import { metricsBatches } from './metrics/metrics-batches.ts';
import { planMetrics } from './metrics/plan-metrics.ts';
import { BASE_NS, columnsOf, span, trace } from './plain.fixture.ts';
import { planSearch } from './plan-search.ts';
import { searchBatches } from './search.ts';
import { tagValues } from './tag-values.ts';

/** Two tries of one call, then another failure; a span that failed otherwise; one without events. */
const data = columnsOf(
  trace(
    1,
    span(1, {
      events: [event('exception', 'Timeout', 30n), event('exception', 'Refused', 7n), event('retry', 'Reset', 1n)],
      links: [link('a', 1), link('b', 2), link('c', 3)],
    }),
    span(2, { events: [event('exception', 'Aborted', 2n)], attrs: [['always', true]] }),
    span(3, { attrs: [['always', true]] }),
  ),
);

function event(name: string, type: string, n: bigint) {
  return {
    name,
    timeNs: BASE_NS,
    attrs: [
      ['type', type],
      ['n', n],
    ] as const,
  };
}

function link(relation: string, id: number) {
  return { traceId: '2a'.padStart(32, '0'), spanId: String(id).padStart(16, '0'), attrs: [['relation', relation] as const] };
}

/** `key=value …` of every spanset, and of its first span behind a bar. */
async function search(text: string): Promise<readonly string[]> {
  const options = { limit: 20, spansPerSpanSet: 10, legacy: false };
  const [found] = mergeSearch([await searchBatches(planSearch(parseQuery(text)), [data], options)], options);
  const texts = (attributes: readonly { key: string; value: object }[] = []) =>
    attributes.map(({ key, value }) => `${key}=${Object.values(value)[0]}`).join(' ');
  return (found?.spanSets ?? []).map(({ attributes, spans }) => `${texts(attributes)}|${texts(spans[0].attributes)}`);
}

async function metrics(text: string): Promise<readonly string[]> {
  const request = { query: parseQuery(text), startNs: BASE_NS - 1n, endNs: BASE_NS + 1_000_000_000n, stepNs: 1n, exemplars: 0, maxSeries: 0 };
  const plan = planMetrics(request, 'instant');
  const { series } = finishInstant(mergeMetrics([await metricsBatches(plan, [data], { maxSeries: 100 })], plan, 100), plan, 0);
  return series.map(({ labels, ...rest }) => `${Object.values(labels[0].value)[0]} ${'value' in rest ? rest.value : 0}`);
}

describe('an event that a filter asks for stands for its span', () => {
  it.each([
    ['shown', '{ event.type = "Refused" } | select(event.n)', ['|type=Refused n=7']],
    ['shown with all of a conjunction', '{ event:name = "exception" && event.type != nil }', ['|event:name=exception type=Refused']],
    ['the last, where several do', '{ event:name = "exception" } | select(event.n)', ['|event:name=exception n=7']],
    ['shown of links', '{ link.relation = "b" } | select(link:spanID)', ['|relation=b link:spanID=0000000000000002']],
    ['not by what is asked of the span as well', '{ event.n = span.n || event.type = "Refused" } | select(event.n)', ['|n=7 type=Refused']],
    ['grouped by', '{ event.type = "Refused" } | by(event.n)', ['by(event.n)=7|type=Refused n=7']],
    ['added up', '{ event:name = "exception" && event.n < 10 } | max(event.n) > 0', ['max(event.n)=7|event:name=exception n=7']],
    ['in any filter', '({ event.type = "Refused" } && { span.always = true }) | min(event.n) > 0', ['min(event.n)=2|type=Refused n=7']],
  ])('%s', async (_, text, expected) => {
    expect(await search(text)).toEqual(expected);
  });

  it.each([
    ['{ event.type = "Refused" } | count_over_time() by (event.type)', ['Refused 1']],
    ['{ event:name = "retry" } | count_over_time() by (event.type)', ['Reset 1']],
    ['{ event.type = "Refused" } | max_over_time(event.n)', ['max_over_time 7']],
    ['{ link.relation = "c" } | count_over_time() by (link:spanID)', ['0000000000000003 1']],
    // Where no event is asked for, the first with a value; where there is none, nothing.
    ['{ event.type = "Refused" || span.always = true } | count_over_time() by (event.type)', ['Aborted 1', 'Refused 1', 'nil 1']],
    ['{ } | count_over_time() by (event.type)', ['Aborted 1', 'Timeout 1', 'nil 1']],
    // The one asked for has no such value.
    ['{ event.type = "Refused" } | count_over_time() by (event.none)', ['nil 1']],
  ])('%s', async (text, expected) => {
    expect(await metrics(text)).toEqual(expected);
  });

  it('is told of by exemplars', async () => {
    const query = parseQuery('{ event.type = "Refused" } | rate() by (event.n)');
    const plan = planMetrics({ query, startNs: BASE_NS, endNs: BASE_NS, stepNs: 1_000_000_000n, exemplars: 5, maxSeries: 0 }, 'range');
    const { series } = finishRange(mergeMetrics([await metricsBatches(plan, [data], { maxSeries: 100 })], plan, 100), plan, 0);
    const [{ labels = [] } = {}] = series[0].exemplars ?? [];
    expect(labels.slice(1)).toEqual([
      { key: 'event.n', value: { intValue: '7' } },
      { key: 'event.type', value: { stringValue: 'Refused' } },
    ]);
  });

  it('gives the values of tags', async () => {
    const values = async (q: string) =>
      (await tagValues([data], { tag: parseField('event.type'), query: parseQuery(q), range: undefined, limit: 0 })).values.map(({ value }) => value);
    expect(await values('{ event:name = "exception" }')).toEqual(['Aborted', 'Refused', 'Timeout']);
    expect(await values('{ event.n = 7 || span.always = true }')).toEqual(['Aborted', 'Refused']);
  });
});
