import { describe, expect, it } from 'vitest';
import { parseRequestPath } from './request-path.ts';

describe('parseRequestPath', () => {
  it.each([
    ['/', '/', ''],
    ['/api/search?q=%7B%20%7D&x=/../', '/api/search', '?q=%7B%20%7D&x=/../'],
    ['/api/v2/search/tag/span.a%2Fb%5C%25c/values', '/api/v2/search/tag/span.a%2Fb%5C%25c/values', ''],
    ['/api/..x/...', '/api/..x/...', ''],
    ['HTTP://user@host:80/api?x', '/api', '?x'],
  ])('%s', (target, path, query) => {
    expect(parseRequestPath(target)).toEqual({ path, query });
  });

  it.each([
    '',
    '*',
    'api',
    'http://host',
    '//flush',
    '/api//x',
    '/.',
    '/api/..',
    '/api/./x',
    '/api/%2e%2E/flush',
    '/api/x%2f..%2fflush',
    '/a\\b',
    '/a#b',
    '/a%0d',
    '/a%',
  ])('not %s', (target) => {
    expect(parseRequestPath(target)).toBeUndefined();
  });

  it.each([' ', '\r\n', '\0', '\u0100'])('not with %j anywhere', (text) => {
    expect([parseRequestPath(`/a${text}b`), parseRequestPath(`/a?${text}b`)]).toEqual([undefined, undefined]);
  });
});
