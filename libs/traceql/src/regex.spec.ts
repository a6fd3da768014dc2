import { AppError } from '@vivace/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRegex, re2Test } from './regex.ts';

describe('compileRegex', () => {
  it.each([
    ['a|b', 'b', true],
    ['a|b', 'ab', false],
    ['c1$|^g', 'c1', true],
    ['c1$|^g', 'g1', false],
    ['line1.line2', 'line1\nline2', true],
    ['.*', '', true],
    ['', '', true],
    ['', 'x', false],
    ['a.*', 'a\nb', true],
    ['.*b.*', 'abc', true],
    ['(?i)get', 'GET', true],
    ['GET', 'get', false],
    ['.', '🚀', true],
    ['a\\.b', 'axb', false],
    ['\\d+', '１', false],
  ])('%s on %s', (pattern, text, matches) => {
    expect(compileRegex(pattern)(text)).toBe(matches);
  });

  it.each(['(', '[a', '(?=x)', '(?<=x)', '(a)\\1', '*', 'a{1001}', '\\8'])('refuses %s', (pattern) => {
    expect(() => compileRegex(pattern)).toThrow(new AppError('invalid_argument', `invalid regex: \`${pattern}\``));
  });

  it('gives the same predicate for the same pattern', () => {
    expect(compileRegex('a+b?')).toBe(compileRegex('a+b?'));
  });

  it.each(['(a*)*(a*)*(a*)*b', '(a|aa)+b', '(a+)+(b|c)', '(.*a){20}b', '([a-zA-Z]+)*x', '(a?){30}a{30}b'])(
    'is linear where backtracking is exponential: %s',
    (pattern) => {
      expect(compileRegex(pattern)('a'.repeat(5_000))).toBe(false);
    },
  );

  it.each([
    ['repeats of repeats', '((a{100}){100}){100}'],
    ['too many repeats', '.{0,1000}'.repeat(1_000)],
    ['deep parentheses', `${'('.repeat(50_000)}a${')'.repeat(50_000)}`],
    ['stars of stars', `a${'*'.repeat(60_000)}`],
  ])('refuses what would grow beyond bounds: %s', (_, pattern) => {
    expect(() => compileRegex(pattern)).toThrow(AppError);
  });
});

describe('the short cut for literals', () => {
  const literal = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b', '\n', ' ', '-', 'ä', '🚀', '/', '"'), maxLength: 4 }),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  const dots = fc.constantFrom('', '.*');
  const part = fc.string({ unit: fc.constantFrom('a', 'b', '\n', ' ', 'ä', '🚀'), maxLength: 4 });

  it('answers as re2 does', () => {
    fc.assert(
      fc.property(dots, literal, dots, part, part, (before, middle, after, left, right) => {
        const pattern = before + middle + after;
        let expected: (text: string) => boolean;
        try {
          expected = re2Test(pattern);
        } catch {
          expect(() => compileRegex(pattern)).toThrow(AppError);
          return;
        }
        const actual = compileRegex(pattern);
        for (const text of [middle, left + middle, middle + right, left + middle + right, left, '']) expect(actual(text)).toBe(expected(text));
      }),
      { numRuns: 2_000 },
    );
  });
});
