import { fromBinary } from '@bufbuild/protobuf';
import { SearchResponseSchema } from '@vivace/proto';
import { describe, expect, it } from 'vitest';
import { encodeAnswer, jsonAnswer, listAnswer, negotiate } from './encode.ts';

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

describe('listAnswer', () => {
  const { signal } = new AbortController();
  const series = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ labels: [{ key: 'é', value: { stringValue: `v${i}` } }], samples: [{ value: i % 2 ? Infinity : i }] }));

  it.each([0, 1, 20_000])('of %i series is the JSON of the whole', async (count) => {
    for (const rest of [{}, { status: 'PARTIAL', metrics: { totalJobs: 2 } }]) {
      const model = { series: series(count), ...rest };
      const { body, contentType, inspectedBytes } = await listAnswer('series', model, 7, signal);
      expect(Buffer.from(body as string).equals(Buffer.from(jsonAnswer(model, 0).body))).toBe(true);
      expect([contentType, inspectedBytes]).toEqual(['application/json', 7]);
    }
  });

  it('gives others their turn, and stops when nobody waits', async () => {
    const controller = new AbortController();
    setImmediate(() => controller.abort(new Error('gone')));
    await expect(listAnswer('series', { series: series(20_000) }, 0, controller.signal)).rejects.toThrow('gone');
  });
});
