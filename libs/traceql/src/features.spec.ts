import { expect, it } from 'vitest';
import { unsupportedFeature } from './features.ts';
import { parseQuery } from './parse-query.ts';

it.each([
  ['{ .a = 1 && !(event.b > 2) }', undefined],
  ['({ .a } || {}) && {} | { .b } | name = "x"', undefined],
  ['{} with(most_recent=true)', undefined],
  ['{} > {}', 'structural operators'],
  ['{} && ({} !~ {})', 'structural operators'],
  ['{ parent.a } > {}', 'parent attributes'],
  ['({} | {}) && ({})', 'pipelines as operands'],
  ['{} | count() > 1', 'aggregates'],
  ['{} | 1 + count() > 1', 'arithmetic on aggregates'],
  ['({} | count()) > 1', 'comparison of pipelines'],
  ['{} | by(name) | coalesce()', 'by()'],
  ['{} | {} | coalesce()', 'coalesce()'],
  ['{} | select(name)', 'select()'],
  ['{} | rate() by(parent.a)', 'metrics functions'],
  ['{} | compare({})', 'compare()'],
])('%s needs %s', (text, feature) => {
  expect(unsupportedFeature(parseQuery(text))).toBe(feature);
});

it('passes over what the engine has', () => {
  const query = parseQuery('{} > {} | by(name) | rate() | topk(2) > 1');
  expect(unsupportedFeature(query, new Set(['structural operators']))).toBe('by()');
  expect(unsupportedFeature(query, new Set(['structural operators', 'by()', 'metrics functions']))).toBe('topk() and bottomk()');
  expect(unsupportedFeature(query, new Set(['structural operators', 'by()', 'metrics functions', 'topk() and bottomk()']))).toBe('filters on series');
});
