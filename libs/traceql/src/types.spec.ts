import { expect, it } from 'vitest';
import { parseQuery } from './parse-query.ts';
import { typeOf } from './types.ts';

it.each([
  ['.a', 'unknown'],
  ['.a + 1', 'int'],
  ['.a + .b', 'unknown'],
  ['duration * 2.5', 'duration'],
  ['2.5 * duration', 'float'],
  ['-duration', 'duration'],
  ['.a + 1 > 2', 'bool'],
  ['.a = nil', 'bool'],
  ['!.a', 'unknown'],
  ['span:childCount', 'int'],
  ['instrumentation:name', 'unknown'],
  ['event:timeSinceStart', 'duration'],
  ['kind', 'kind'],
  ['"x"', 'string'],
  ['error', 'status'],
])('%s is of type %s', (text, type) => {
  const [filter] = parseQuery(`{ ${text} }`).stages;
  expect(filter.kind === 'filter' && typeOf(filter.expr)).toBe(type);
});
