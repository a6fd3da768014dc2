import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseQuery } from './parse-query.ts';
import { propose } from './propose.ts';
import { validateQuery } from './validate.ts';

const slips = readFileSync(new URL('../../../testdata/traceql/slips.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split(' → '));

function message(text: string): string {
  try {
    validateQuery(parseQuery(text));
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`a query: ${text}`);
}

describe('propose', () => {
  it.each(slips)('%s becomes %s', (text, meant) => {
    expect(message(text).split('\n').at(-1)).toBe(`did you mean: ${meant}`);
    expect(() => validateQuery(parseQuery(meant))).not.toThrow();
  });

  it.each(['{ .a = "x and y" && }', '(((', 'foo', '{ .a = ( }', '"checkout"', '{ .a =~ "(?<=x)" }', '{ \u00020\u0003 = 1', `{ .a = 'x' ${' '.repeat(2_000)}`])(
    'nothing for %s',
    (text) => {
      expect(message(text)).not.toContain('did you mean');
    },
  );

  it('does not change what is a query', () => {
    for (const text of ['{ "a" = "b" }', '{ error.type = "x" }', '{ server.port = 80 }']) expect(() => parseQuery(text)).not.toThrow();
  });

  it('comes last, below the place and what was expected there', () => {
    expect(message('service = "x" and operation = "y"')).toBe(
      [
        'parse error at line 1, col 1: syntax error: unknown identifier: service',
        'expected a filter such as `{ status = error }`',
        '  service = "x" and operation = "y"',
        '  ^^^^^^^',
        'did you mean: { resource.service.name = "x" && name = "y" }',
      ].join('\n'),
    );
    expect(message('{ name = "a" && status = "error" }')).toBe(
      [
        'binary operations must operate on the same type: status = `error`',
        'expected one type on both sides, not status and string',
        '  { name = "a" && status = "error" }',
        '                  ^^^^^^^^^^^^^^^^',
        'did you mean: { name = "a" && status = error }',
      ].join('\n'),
    );
    expect(message('{ spans.foo > 1 }')).toBe(
      [
        'parse error at line 1, col 3: syntax error: unknown scope: spans',
        'expected `span.foo`, or `.spans.foo` for an attribute of that name',
        '  { spans.foo > 1 }',
        '    ^^^^^^^^^',
        'did you mean: { span.foo > 1 }',
      ].join('\n'),
    );
  });

  it('takes no time that grows beyond bounds', () => {
    for (const piece of [
      'a',
      ' ',
      '.',
      '{',
      '(',
      '|',
      ' = ',
      'not ',
      'by ',
      'sum(',
      '"',
      "'",
      'a.b ',
      'is ',
      '= a',
      '{ ',
      'rate(',
      ', ',
      '12 ',
      '-',
      'exists(a',
    ])
      propose(piece.repeat(1_999 / piece.length));
  });
});
