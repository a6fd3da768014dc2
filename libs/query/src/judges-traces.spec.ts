import { parseQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import { judgesTraces } from './judges-traces.ts';
import { legacyQuery } from './legacy-query.ts';

describe('judgesTraces', () => {
  it.each([
    '{ }',
    '{ span.a = 1 && .b = 2 || resource.c != nil } | { duration > 1s }',
    '{ name = "a" } || { name = "b" }',
    '{ } | ({ name = "a" } || { kind = server })',
    '{ trace:id = "1" } | select(rootName)',
    '{ span:parentID = "0000000000000001" }',
    '{ name = "a" } | rate() by (resource.service.name)',
    '{ } | quantile_over_time(duration, .9)',
  ])('not %s', (text) => expect(judgesTraces(parseQuery(text))).toBe(false));

  it.each([
    '{ name = "a" } && { name = "b" }',
    '{ } >> { }',
    '{ name = "a" } || ({ } !> { })',
    '{ } | count() > 2',
    '{ } | by(name)',
    '({ } | count()) > ({ name = "a" } | count())',
    '{ rootServiceName = "a" }',
    '{ name = "a" || !(traceDuration > 1s) }',
    '{ nestedSetParent < 0 }',
    '{ span:childCount > 1 }',
    '{ parent.name != nil }',
    '{ 2 * nestedSetLeft + 1 > 5 }',
    '{ } | rate() by (rootName)',
    '{ } | quantile_over_time(traceDuration, .9)',
    '{ } >> { } | rate()',
    '{ } | compare({ status = error })',
  ])('%s', (text) => expect(judgesTraces(parseQuery(text))).toBe(true));

  it('a tag search that asks for durations', () => {
    expect(judgesTraces(legacyQuery(new Map([['a', 'b']])))).toBe(false);
    expect(judgesTraces(legacyQuery(new Map(), 1n))).toBe(true);
  });
});
