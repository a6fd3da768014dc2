import { fromBinary } from '@bufbuild/protobuf';
import { SearchResponseSchema } from '@vivace/proto';
import { describe, expect, it } from 'vitest';
import { encodeAnswer, negotiate } from './encode.ts';

describe('negotiate', () => {
  it.each([
    [undefined, 'json'],
    ['*/*', 'json'],
    ['text/html', 'json'],
    ['application/protobuf', 'protobuf'],
    ['application/json, application/protobuf', 'protobuf'],
    ['application/vnd.grafana.llm', 'json'],
  ])('%s is %s', (accept, format) => {
    expect(negotiate(accept)).toBe(format);
  });
});

const attributes = (doubleValue: number) => ({
  traces: [
    { traceID: 'ab', startTimeUnixNano: '18446744073709551615', spanSets: [{ spans: [], matched: 1, attributes: [{ key: 'a', value: { doubleValue } }] }] },
  ],
  metrics: {},
});

describe('encodeAnswer', () => {
  it('writes doubles without a number form as text', () => {
    expect(encodeAnswer(SearchResponseSchema, attributes(Number.NaN), 'json').body).toContain('{"doubleValue":"NaN"}');
    expect(encodeAnswer(SearchResponseSchema, attributes(-Infinity), 'json').body).toContain('{"doubleValue":"-Infinity"}');
    expect(encodeAnswer(SearchResponseSchema, attributes(0.5), 'json').body).toContain('{"doubleValue":0.5}');
  });

  it('says the same in protobuf', () => {
    const { body, contentType } = encodeAnswer(SearchResponseSchema, attributes(Infinity), 'protobuf');
    expect(contentType).toBe('application/protobuf');
    const message = fromBinary(SearchResponseSchema, body as Uint8Array);
    expect(message.traces[0].startTimeUnixNano).toBe(18446744073709551615n);
    expect(message.traces[0].spanSets[0].attributes[0].value!.value).toEqual({ case: 'doubleValue', value: Infinity });
    expect(message.metrics).toBeDefined();
  });
});
