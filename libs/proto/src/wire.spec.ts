import { create, fromBinary, fromJsonString, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { SearchResponseSchema, SearchTagValuesV2ResponseSchema, TraceByIDResponseSchema } from './index.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('wire form', () => {
  it('sends the trace field even when it is empty', () => {
    expect(toBinary(TraceByIDResponseSchema, create(TraceByIDResponseSchema, { trace: new Uint8Array(), metrics: {} }))).toEqual(bytes('0a 00 12 00'));
  });

  it('embeds encoded OTLP as it is, and numbers status and message 3 and 4', () => {
    const message = create(TraceByIDResponseSchema, { trace: bytes('0a02 0a00'), status: 1, message: 'x' });
    expect(toBinary(TraceByIDResponseSchema, message)).toEqual(bytes('0a04 0a020a00 18 01 22 01 78'));
  });

  it('numbers search fields as the protocol does', () => {
    const json = JSON.stringify({
      traces: [{ traceID: 'ab', startTimeUnixNano: '1', durationMs: 2, spanSets: [{ spans: [{ spanID: 'c', durationNanos: '3' }], matched: 4 }] }],
      metrics: { inspectedBytes: '5', inspectedSpans: '6' },
    });
    const want = '0a 13 0a026162 20 01 28 02 3a 09 0a 05 0a0163 20 03 10 04 12 04 10 05 38 06';
    expect(Buffer.from(toBinary(SearchResponseSchema, fromJsonString(SearchResponseSchema, json))).toString('hex')).toBe(want.replaceAll(' ', ''));
  });

  it('round-trips tag values', () => {
    const message = create(SearchTagValuesV2ResponseSchema, { tagValues: [{ type: 'int', value: '500' }], metrics: {} });
    expect(fromBinary(SearchTagValuesV2ResponseSchema, toBinary(SearchTagValuesV2ResponseSchema, message))).toEqual(message);
  });
});
