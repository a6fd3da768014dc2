import { parseQuery } from '@vivace/traceql';
import { expect, it } from 'vitest';
import { jobWeight } from './job-weight.ts';

const weights = { areUsed: true, ofRetries: true, maxConditions: 4, maxRegexConditions: 1 };
const search = (text: string) => jobWeight('search', parseQuery(text), weights);

it('weighs jobs by what they ask', () => {
  expect(jobWeight('findTrace', undefined, weights)).toBe(2);
  expect(jobWeight('tags', undefined, weights)).toBe(1);
  expect([search('{}'), search('{ .a = 1 && .b = 2 && .c != nil && duration > 1s }')]).toEqual([1, 1]);
  expect(search('{ .a = 1 && .b = 2 } >> { .c = 3 && (.d = 4 || .e = 5) } | count() > 2')).toBe(2);
  expect([search('{ .a =~ "x.*" }'), search('{ .a =~ "x.*" && .b !~ "y" }')]).toEqual([1, 2]);
  expect(search('{ .a =~ "x.*" && .b !~ "y" && .c = 1 && .d = 2 && .e = 3 }')).toBe(3);
  const heavy = parseQuery('{ .a =~ "x.*" && .b !~ "y" } | rate()');
  expect([jobWeight('metrics', heavy, weights), jobWeight('metrics', heavy, { ...weights, areUsed: false })]).toEqual([2, 1]);
});
