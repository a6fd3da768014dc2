import { describe, expect, it } from 'vitest';
import { parseLogfmt } from './logfmt.ts';

describe('parseLogfmt', () => {
  it.each([
    ['', []],
    ['  ', []],
    ['a=b', [['a', 'b']]],
    [
      'service.name=cart  name=b',
      [
        ['service.name', 'cart'],
        ['name', 'b'],
      ],
    ],
    [
      'a="v 2" b=3',
      [
        ['a', 'v 2'],
        ['b', '3'],
      ],
    ],
    ['a="say \\"x\\" \\\\"', [['a', 'say "x" \\']]],
    ['a=', [['a', '']]],
    [
      'a= b=c',
      [
        ['a', ''],
        ['b', 'c'],
      ],
    ],
    [
      'alone b=c',
      [
        ['alone', ''],
        ['b', 'c'],
      ],
    ],
    ['a/b=é☕', [['a/b', 'é☕']]],
  ] as [string, [string, string][]][])('%j', (text, pairs) => {
    expect(parseLogfmt(text)).toEqual(pairs);
  });

  it.each([
    ['=b', 'invalid tags: logfmt syntax error at pos 1 : unexpected "="'],
    ['"a"=b', 'invalid tags: logfmt syntax error at pos 1 : unexpected "\\""'],
    ['a=b=c', 'invalid tags: logfmt syntax error at pos 4 : unexpected "="'],
    ['a="b"c', 'invalid tags: logfmt syntax error at pos 6 : unexpected "c"'],
    ['a="b', 'invalid tags: logfmt syntax error at pos 3 : unterminated quoted value'],
    ['a="\\x"', 'invalid tags: logfmt syntax error at pos 3 : invalid quoted value'],
  ])('%j is refused', (text, message) => {
    expect(() => parseLogfmt(text)).toThrow(expect.objectContaining({ code: 'invalid_argument', message }));
  });
});
