import { describe, expect, it } from 'vitest';
import { parseTagName, parseTagNameV1 } from './tag-name.ts';

describe('parseTagName', () => {
  it.each([
    ['resource.service.name', { kind: 'attribute', scope: 'resource', name: 'service.name' }],
    ['.foo', { kind: 'attribute', scope: 'none', name: 'foo' }],
    ['span.a/b c', { kind: 'attribute', scope: 'span', name: 'a/b c' }],
    ['span."a \\"b\\" c"', { kind: 'attribute', scope: 'span', name: 'a "b" c' }],
    ['event.exception.type', { kind: 'attribute', scope: 'event', name: 'exception.type' }],
    ['span:status', { kind: 'intrinsic', name: 'status' }],
    ['trace:rootService', { kind: 'intrinsic', name: 'rootServiceName' }],
    ['name', { kind: 'intrinsic', name: 'name' }],
    ['foo.bar', { kind: 'attribute', scope: 'none', name: 'foo.bar' }],
    ['span.""', { kind: 'attribute', scope: 'span', name: '' }],
    ['."', { kind: 'attribute', scope: 'none', name: '"' }],
    ['.name', { kind: 'attribute', scope: 'none', name: 'name' }],
  ])('%s', (text, want) => {
    expect(parseTagName(text)).toMatchObject(want);
  });

  it.each(['foo', 'a b.c', 'span.', '.', 'span:foo', 'constructor'])('refuses %j', (text) => {
    expect(() => parseTagName(text)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining(`please provide a valid tagName: failed to parse identifier ${text}: `),
      }),
    );
  });
});

describe('parseTagNameV1', () => {
  it.each([
    ['service.name', { kind: 'attribute', scope: 'none', name: 'service.name' }],
    ['status', { kind: 'attribute', scope: 'none', name: 'status' }],
    ['name', { kind: 'intrinsic', name: 'name' }],
    ['root.name', { kind: 'intrinsic', name: 'rootName' }],
    ['rootServiceName', { kind: 'intrinsic', name: 'rootServiceName' }],
  ])('%s', (text, want) => {
    expect(parseTagNameV1(text)).toMatchObject(want);
  });
});

it.each([parseTagName, parseTagNameV1])('%o wants a name', (parse) => {
  expect(() => parse('')).toThrow(expect.objectContaining({ code: 'invalid_argument', message: 'please provide a non-empty tagName' }));
});
