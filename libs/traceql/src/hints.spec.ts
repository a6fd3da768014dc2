import { expect, it } from 'vitest';
import { findHint } from './hints.ts';
import { parseQuery } from './parse-query.ts';

it('finds the first hint with the name and a type', () => {
  const query = parseQuery('{} with(most_recent=1, most_recent=true, most_recent=false, sample=0.1)');
  expect(findHint(query, 'most_recent', 'bool')).toEqual({ type: 'bool', value: true });
  expect(findHint(query, 'sample', 'bool', 'float', 'int')).toEqual({ type: 'float', value: 0.1 });
  expect(findHint(query, 'sample', 'bool')).toBeUndefined();
  expect(findHint(query, 'exemplars', 'int')).toBeUndefined();
});
