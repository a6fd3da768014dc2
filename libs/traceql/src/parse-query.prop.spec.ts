import { readFileSync } from 'node:fs';
import { AppError } from '@vivace/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseField, parseQuery } from './parse-query.ts';
import { printQuery } from './print.ts';
import { validateQuery } from './validate.ts';

const corpus = readFileSync(new URL('../../../testdata/traceql/cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line): string => JSON.parse(line).q);

const PIECES =
  '{ } ( ) , . | || && = != =~ !~ < <= > >= << >> ~ !> &>> + - * / % ^ ! nil true error server name duration span. resource. parent. span: trace: id .a span.b "x" `y` \' " 1 0 2.5 .5 1e3 5ms 1d08 0x1p4 ' +
  'minInt count() count avg( by( select( coalesce() rate() compare( quantile_over_time( topk(2) with( a=1) // /* */ \n \\ µ 🚀 ä # and';
const soup = fc.array(fc.constantFrom(...PIECES.split(' ')), { maxLength: 25 }).chain((pieces) => fc.constantFrom('', ' ').map((blank) => pieces.join(blank)));
const mutated = fc.tuple(fc.constantFrom(...corpus), fc.nat(), fc.nat(6), fc.string({ unit: 'binary', maxLength: 3 })).map(([text, at, cut, put]) => {
  const from = at % (text.length + 1);
  return text.slice(0, from) + put + text.slice(from + cut);
});
const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 30 }).map((codes) => String.fromCharCode(...codes));

/** Every function of the front end, on any text: an answer, or an AppError. */
function survives(text: string): void {
  try {
    const query = parseQuery(text);
    const printed = printQuery(query);
    expect(printQuery(parseQuery(printed))).toBe(printed);
    validateQuery(query);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe('invalid_argument');
    const [, meant] = (error as AppError).message.split('\ndid you mean: ');
    if (meant !== undefined) validateQuery(parseQuery(meant));
  }
}

describe('any text', () => {
  it.each([
    ['token soup', soup],
    ['mutations of the corpus', mutated],
    ['any UTF-16 units', units],
    ['any text in a filter', fc.string({ unit: 'binary', maxLength: 30 }).map((text) => `{ ${text} }`)],
  ])('parses or is refused: %s', (_, texts) => {
    fc.assert(fc.property(texts, survives), { numRuns: 2_000 });
  });

  it('is a field or is refused', () => {
    fc.assert(
      fc.property(fc.oneof(soup, units), (text) => {
        try {
          parseField(text);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
