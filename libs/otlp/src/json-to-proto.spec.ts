import { AppError } from '@vivace/base';
import { SpanTable } from '@vivace/trace';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeInto } from './decode-into.ts';
import { jsonToProto } from './json-to-proto.ts';
import { DEFAULT_SCAN_LIMITS, scanExport } from './scan-export.ts';
import { REFUSAL_REASONS, ScanResult } from './scan-result.ts';
import { readTable } from './testing/read-table.ts';

const ids = { traceId: '0102030405060708090A0B0C0D0E0F10', spanId: '0102030405060708' };
const request = (...spans: unknown[]): string => JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
const scan = new ScanResult();

function rows(json: string): Record<string, unknown>[] {
  const bytes = jsonToProto(json);
  scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
  expect(scan.refusedCount).toBe(0);
  const table = new SpanTable();
  decodeInto(bytes, table, { maxAttributeBytes: 0 }, { cutStrings: 0 });
  return readTable(table);
}

function refusals(json: string, problems?: string[]): string[] {
  scanExport(jsonToProto(json, problems), DEFAULT_SCAN_LIMITS, scan);
  return Array.from(scan.spanRefusal.subarray(0, scan.spanCount), (code) => REFUSAL_REASONS[code]);
}

describe('jsonToProto', () => {
  it('reads every spelling of a span', () => {
    const camel = {
      ...ids,
      parentSpanId: '1112131415161718',
      traceState: 'a=b',
      name: 'GET',
      kind: 'SPAN_KIND_CLIENT',
      startTimeUnixNano: '1700000000000000001',
      endTimeUnixNano: '1700000000000000501',
      droppedAttributesCount: 1,
      events: [{ timeUnixNano: '1700000000000000101', name: 'e', droppedAttributesCount: 2 }],
      links: [{ ...ids, traceState: 'l' }],
      status: { code: 'STATUS_CODE_ERROR', message: 'm' },
      unknown: { deep: [1] },
      attributes: null,
    };
    const snake = {
      trace_id: ids.traceId.toLowerCase(),
      span_id: ids.spanId,
      parent_span_id: '1112131415161718',
      trace_state: 'a=b',
      name: 'GET',
      kind: 3,
      start_time_unix_nano: '1700000000000000001',
      end_time_unix_nano: '1700000000000000501',
      dropped_attributes_count: '1',
      events: [{ time_unix_nano: '1700000000000000101', name: 'e', dropped_attributes_count: 2 }],
      links: [{ trace_id: ids.traceId, span_id: ids.spanId, trace_state: 'l' }],
      status: { code: 2, message: 'm' },
    };
    const [a, b] = rows(request(camel, snake));
    expect(a).toEqual(b);
    expect(a).toMatchObject({ kind: 3, start: 1700000000000000001n, duration: 500, status: 2, statusMessage: 'm', parentId: '1112131415161718' });
    expect(a.events).toMatchObject([{ offset: 100n, name: 'e', dropped: 2 }]);
  });

  it.each([
    ['{"stringValue":""}', 's:'],
    ['{"string_value":"x"}', 's:x'],
    ['{"boolValue":false}', 'b:false'],
    ['{"intValue":"-9223372036854775808"}', 'i:-9223372036854775808'],
    ['{"intValue":9007199254740993}', 'i:9007199254740993'],
    ['{"intValue":-5}', 'i:-5'],
    ['{"doubleValue":"NaN"}', 'd:000000000000f87f'],
    ['{"doubleValue":12345678901234567890}', 'd:e1639d31956ae543'],
    ['{"arrayValue":{"values":[{"intValue":1},{"intValue":"2"}]}}', 'array:["i:1","i:2"]'],
    ['{"kvlistValue":{"values":[{"key":"k","value":{"bytesValue":"AQI="}}]}}', 'json:{"kvlistValue":{"values":[{"key":"k","value":{"bytesValue":"AQI="}}]}}'],
    ['{}', 'json:{}'],
  ])('value %s', (json, want) => {
    const text = request({ ...ids, attributes: [{ key: 'k', value: 'HERE' }] }).replace('"HERE"', json);
    expect(rows(text)[0].attrs).toEqual([['k', want]]);
  });

  it('keeps the digits of bare 64-bit times', () => {
    const text = request({ ...ids, startTimeUnixNano: 1, endTimeUnixNano: 2 })
      .replace(':1,', ':1700000000000000001,')
      .replace(':2}', ':1700000000000000002}');
    expect(rows(text)[0]).toMatchObject({ start: 1700000000000000001n, duration: 1 });
  });

  it.each([
    [{ ...ids, traceId: 'xyz' }, 'invalid_trace_id', 'resourceSpans[0].scopeSpans[0].spans[1].traceId: want hex digits, got "xyz"'],
    [{ ...ids, spanId: '0102' }, 'invalid_span_id', undefined],
    [{ ...ids, parentSpanId: 5 }, 'invalid_parent_span_id', 'resourceSpans[0].scopeSpans[0].spans[1].parentSpanId: want hex digits, got 5'],
    [{ ...ids, kind: 'CLIENT' }, 'malformed_span', 'resourceSpans[0].scopeSpans[0].spans[1].kind: unknown value "CLIENT"'],
    [{ ...ids, startTimeUnixNano: -1 }, 'malformed_span', 'resourceSpans[0].scopeSpans[0].spans[1].startTimeUnixNano: -1 is out of range'],
    [
      { ...ids, events: [{}, { attributes: [{ key: 'k', value: { intValue: 1.5 } }] }] },
      'malformed_span',
      'resourceSpans[0].scopeSpans[0].spans[1].events[1].attributes[0].value.intValue: want an integer, got 1.5',
    ],
    ['span', 'malformed_span', 'resourceSpans[0].scopeSpans[0].spans[1]: want an object, got "span"'],
  ])('refuses span %j alone', (bad, reason, problem) => {
    const problems: string[] = [];
    expect(refusals(request(ids, bad, ids), problems)).toEqual(['', reason, '']);
    expect(problems).toEqual(problem === undefined ? [] : [problem]);
  });

  it.each([
    ['[]', 'otlp json: request: want an object, got []'],
    ['{"resourceSpans":{}}', 'otlp json: resourceSpans: want an array, got {}'],
    [
      '{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":{"boolValue":"yes"}}]}}]}',
      'otlp json: resourceSpans[0].resource.attributes[0].value.boolValue: want true or false, got "yes"',
    ],
    ['{"resourceSpans":[{"scopeSpans":[{"scope":{"name":7}}]}]}', 'otlp json: resourceSpans[0].scopeSpans[0].scope.name: want a string, got 7'],
  ])('refuses %s whole', (json, message) => {
    expect(() => jsonToProto(json)).toThrow(new AppError('invalid_argument', message));
  });

  it('refuses what is no JSON, and nesting that exhausts the stack', () => {
    expect(() => jsonToProto('{"resourceSpans":[')).toThrow(AppError);
    const deep = `{"a": 1234567890123456789, "b":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(() => jsonToProto(deep)).toThrow(new AppError('invalid_argument', 'otlp json: nested too deeply'));
    expect(() => jsonToProto(`{"é": ${'['.repeat(200_000)}`)).toThrow('otlp json: Unexpected end of JSON input (byte 200007)');
  });

  it('bounds the nesting of values as the scan does', () => {
    const nested = (n: number): unknown => (n === 0 ? { intValue: 1 } : { arrayValue: { values: [nested(n - 1)] } });
    expect(refusals(request({ ...ids, attributes: [{ key: 'k', value: nested(64) }] }))).toEqual(['']);
    expect(refusals(request({ ...ids, attributes: [{ key: 'k', value: nested(65) }] }))).toEqual(['malformed_span']);
  });

  it('makes protobuf that scans of any JSON, or throws an AppError', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.jsonValue(),
        fc.record({ stringValue: fc.string() }),
        fc.record({ intValue: fc.oneof(fc.integer(), fc.bigInt().map(String)) }),
        fc.record({ doubleValue: fc.double() }),
        fc.record({ arrayValue: fc.record({ values: fc.array(tie('any')) }) }),
      ),
    })).any;
    const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<unknown> => fc.oneof({ weight: 9, arbitrary }, { weight: 1, arbitrary: fc.jsonValue() });
    const attributes = maybe(fc.array(maybe(fc.record({ key: maybe(fc.string()), value })), { maxLength: 3 }));
    const id = (n: number): fc.Arbitrary<unknown> => maybe(fc.uint8Array({ minLength: n, maxLength: n }).map((x) => Buffer.from(x).toString('hex')));
    const span = fc.record(
      { traceId: id(16), spanId: id(8), parentSpanId: id(8), kind: maybe(fc.nat(6)), attributes, events: maybe(fc.array(maybe(fc.record({ attributes })))) },
      { requiredKeys: ['traceId', 'spanId'] },
    );
    const scopeSpans = fc.array(fc.record({ spans: maybe(fc.array(maybe(span), { maxLength: 4 })) }), { maxLength: 2 });
    const root = maybe(fc.record({ resourceSpans: maybe(fc.array(fc.record({ scopeSpans }), { maxLength: 3 })) }));
    let good = 0;
    fc.assert(
      fc.property(root, (json) => {
        let bytes: Uint8Array;
        try {
          bytes = jsonToProto(JSON.stringify(json));
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          return;
        }
        scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
        good += scan.spanCount - scan.refusedCount;
      }),
      { numRuns: 1000 },
    );
    expect(good).toBeGreaterThan(50);
  });
});
