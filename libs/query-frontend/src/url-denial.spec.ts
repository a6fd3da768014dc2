import { AppError } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { createUrlDenial } from './url-denial.ts';

function refusal(expressions: readonly string[], path: string, query = ''): string | undefined {
  try {
    createUrlDenial(expressions)(path, new URLSearchParams(query));
    return undefined;
  } catch (reason) {
    expect(AppError.from(reason).code).toBe('invalid_argument');
    return (reason as AppError).message;
  }
}

describe('a denied URL', () => {
  it('is told as Tempo tells it, with its parameters in order and encoded as Go does it', () => {
    expect(refusal(['.'], '/api/search', 'tags=a=~b*&q={ span.a = "x y" }&limit=5')).toBe(
      'Invalid request /api/search?limit=5&q=%7B+span.a+%3D+%22x+y%22+%7D&tags=a%3D~b%2A. This query has been identified as one that destabilizes our system. Contact your system administrator for more information',
    );
  });

  it.each([['v2/search'], ['^/api/v2/search/tags$'], ['nothing like it', 'tags'], ['(?i)V2/SEARCH'], ['x|/tags']])(
    'is one in which any of %j finds something',
    (...expressions) => {
      expect(refusal(expressions, '/api/v2/search/tags')).toContain('Invalid request /api/v2/search/tags. ');
    },
  );

  it.each([[], ['^api'], ['tags.']])('is no other: %j', (...expressions) => {
    expect(refusal(expressions, '/api/v2/search/tags')).toBeUndefined();
  });
});

it.each(['(', 'a)|(b', '(?=a)'])('the expression %s stops the start', (expression) => {
  expect(refusal([expression], '/')).toBe(`query_frontend.url_deny_list: invalid regex: \`${expression}\``);
});
