import type { AttrRef, SpanColumns, ValueSummary } from '@vivace/trace';
import { StringDictionary } from '@vivace/trace';
import { parseQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import { planSearch } from './plan-search.ts';
import { mayMatch, requirementOf } from './requirement.ts';

function dict(...texts: readonly string[]): StringDictionary {
  const strings = new StringDictionary();
  for (const text of texts) strings.internText(text);
  return strings;
}

/** A batch of which nothing but summaries is known. */
function batch(known: Readonly<Record<string, Partial<ValueSummary>>>): SpanColumns {
  const none: ValueSummary = { strings: [], numbers: { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }, isExact: false, isLoaded: false };
  const summarise = ({ scope, key }: AttrRef) => Promise.resolve({ ...none, ...known[`${scope}.${key}`] });
  return { summarise } as unknown as SpanColumns;
}

const may = (text: string, columns: SpanColumns): Promise<boolean> => mayMatch(requirementOf(planSearch(parseQuery(text))), columns);

const SHOP = batch({
  'span.user': { strings: [dict('ann', 'bob')] },
  'span.code': { numbers: { min: 200, max: 404 } },
  'span.unknown': { strings: undefined, numbers: undefined },
  'resource.region': { strings: [dict('eu-1'), dict('us-1')] },
  'span.seen': { strings: [dict('x')], isLoaded: true },
});

describe('mayMatch', () => {
  it.each([
    '{}',
    '{ span.user = "ann" }',
    '{ .user = "ann" }',
    '{ span.user =~ "a.*" }',
    '{ span.user != "ann" }',
    '{ span.code = 300 }',
    '{ 404 <= span.code }',
    '{ span.code != 7 }',
    '{ span.unknown = "ann" || span.unknown = 1 }',
    '{ resource.region = "us-1" && duration > 1s }',
    '{ span.user = "nobody" || duration > 1s }',
    '{ !(span.user = "nobody") }',
    '{ span.user = "nobody" } || { span.user = "ann" }',
    '{ span.user = "nobody" } !>> { span.user = "ann" }',
    '{ resource.service.name = "" }',
    '{ span.seen =~ "y" }',
    '{ span.user = nil }',
  ])('keeps a batch for %s', async (text) => expect(await may(text, SHOP)).toBe(true));

  it.each([
    '{ span.user = "nobody" }',
    '{ .user = "nobody" }',
    '{ span.user =~ "c.*" }',
    '{ span.nothing != "x" }',
    '{ span.code > 404 }',
    '{ span.code = 199.5 }',
    '{ span.user = 7 }',
    '{ resource.region = "us-2" && duration > 1s }',
    '{ span.user = "ann" && (span.user = "nobody" || span.code < 200) }',
    '{ span.user = "nobody" } && { span.user = "ann" }',
    '{ span.user = "nobody" } >> { span.user = "ann" }',
    '{ span.user = "nobody" } &>> { span.user = "ann" }',
    '{ span.user = "ann" } !>> { span.user = "nobody" }',
    '{ span.user = "nobody" } | count() > 3',
    '{ resource.service.name = "nobody" }',
    '{ span.seen = "y" }',
  ])('leaves a batch out for %s', async (text) => expect(await may(text, SHOP)).toBe(false));

  it('keeps a batch without summaries', async () => {
    expect(await may('{ span.user = "nobody" }', {} as unknown as SpanColumns)).toBe(true);
  });
});
