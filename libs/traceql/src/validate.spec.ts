import { AppError } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { parseQuery } from './parse-query.ts';
import { validateQuery } from './validate.ts';

function problem(text: string): string | undefined {
  try {
    validateQuery(parseQuery(text));
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe('invalid_argument');
    return (error as AppError).message;
  }
}

describe('validateQuery', () => {
  it.each([
    ['{ .a && name }', 'illegal operation for the given types: .a && name'],
    ['{ name + 1 = 2 }', 'binary operations must operate on the same type: name + 1'],
    ['{ -(.a = 1) = 2 }', 'illegal operation for the given type: -(.a = 1)'],
    ['{ duration > 1 && 7 }', 'binary operations must operate on the same type: (duration > 1) && 7'],
    ['{ resource.service.name = nil }', 'resource.service.name=nil is not valid because resource.service.name cannot be nil'],
    ['{ event:name = nil }', 'event:name=nil is not valid because intrinsics cannot be nil'],
    ['{ .a =~ "(?<=x)" }', 'invalid regex: `(?<=x)`'],
    ['{} | sum(3) > 1', 'aggregate field expressions must reference the span: sum(3)'],
    ['{} | max(.a = 1) > 1', 'aggregate field expressions must resolve to a number type: max(.a = 1)'],
    ['({} | count()) > "x"', 'binary operations must operate on the same type: ({ true } | count()) > `x`'],
    ['{} | compare({ true }, 0)', 'compare() top number of values must be integer greater than 0'],
    ['{} | rate() | topk(0)', 'limit must be greater than 0'],
    ['{} && { 1 }', 'span filter field expressions must resolve to a boolean: { 1 }'],
    ['({} | { name }) || ({})', 'span filter field expressions must resolve to a boolean: { name }'],
    ['{} | by(-"x")', 'grouping field expressions must reference the span: by(-`x`)'],
    ['{ parent > 1 }', 'binary operations must operate on the same type: parent > 1'],
    ['{} | 3 = 3', 'scalar filters must contain an aggregate: 3 = 3'],
  ])('refuses %s', (text, message) => {
    expect(problem(text)?.split('\n')[0]).toBe(message);
  });

  it.each([
    '{ .a = nil && .b != nil && name != nil }',
    '{ parent.a > 1 && parent.resource.b = "x" }',
    '{ parent = nil || parent = "00000000000000a1" } | by(parent)',
    '{ name =~ .pattern }',
    '{ duration > 1.5 && 1s > .a }',
    '{ -.a = 1 && !.b }',
    '{} | count() + 1 > avg(.a) * 2 | 3 < count()',
    '({} | count()) > ({ .a } | count())',
    '{} | rate() by(.a, .b, .c, .d, .e, .f) > 5 | topk(2) | bottomk(1)',
    '{} | min_over_time(name)',
  ])('accepts %s', (text) => {
    expect(problem(text)).toBeUndefined();
  });

  it('points at the part meant', () => {
    expect(problem('{ .a = 1 &&\n  duration = "x" }')).toBe(
      'binary operations must operate on the same type: duration = `x`\nexpected one type on both sides, not duration and string\n    duration = "x" }\n    ^^^^^^^^^^^^^^',
    );
  });

  it('proposes the quantile of a percentile', () => {
    expect(problem('{} | quantile_over_time(duration, .5, 99)')).toContain('quantile must be between 0 and 1: 99\nexpected `0.99` for percentile 99');
    expect(problem('{} | quantile_over_time(duration, 1.1)')).toContain('expected `0.011` for percentile 1.1');
  });
});
