import { AppError } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { jsonToProto } from './json-to-proto.ts';
import { DEFAULT_SCAN_LIMITS, scanExport } from './scan-export.ts';
import { REFUSAL_REASONS, ScanResult } from './scan-result.ts';

const ids = { traceId: '0102030405060708090a0b0c0d0e0f10', spanId: '0102030405060708' };
const request = (...spans: object[]): Uint8Array => jsonToProto(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
const scan = new ScanResult();

describe('scanExport', () => {
  it.each([
    ['0a', 'resource_spans at byte 0'],
    ['0a05 0a00', 'resource_spans at byte 0'],
    ['0a00 0aff', 'resource_spans at byte 2'],
    ['08 01', 'export request at byte 0'],
    ['0a04 0a02 0aff', 'resource at byte 2'],
    ['0a04 0a02 0800', 'resource at byte 2'],
    ['0a02 1205', 'scope_spans at byte 2'],
    ['0a06 1204 1205 0a00', 'span length at byte 4'],
    ['0a04 1202 0a01', 'scope at byte 4'],
    ['0a04 1202 1801', 'scope_spans field at byte 4'],
    ['0a03 1a05 00', 'resource_spans field at byte 2'],
  ])('refuses %s whole, naming the broken part and its place', (hex, where) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    const want = new AppError('invalid_argument', `otlp: request is not a valid ExportTraceServiceRequest: broken ${where}`);
    expect(() => scanExport(bytes, DEFAULT_SCAN_LIMITS, scan)).toThrow(want);
  });

  it('takes an empty request', () => {
    scanExport(new Uint8Array(0), DEFAULT_SCAN_LIMITS, scan);
    expect([scan.spanCount, scan.resourceCount]).toEqual([0, 0]);
  });

  it('keeps a span that ends a little before it starts, and refuses one that ends long before', () => {
    const hourNs = 3_600_000_000_000n;
    const times = (early: bigint): object => ({ ...ids, startTimeUnixNano: String(2n ** 60n), endTimeUnixNano: String(2n ** 60n - early) });
    scanExport(request(times(0n), times(hourNs), times(hourNs + 256n), { ...ids, startTimeUnixNano: '1' }), DEFAULT_SCAN_LIMITS, scan);
    expect(Array.from(scan.spanRefusal.subarray(0, 4), (code) => REFUSAL_REASONS[code])).toEqual(['', '', 'invalid_time', '']);
    expect([scan.refusedCount, scan.refusedByCode[REFUSAL_REASONS.indexOf('invalid_time')]]).toEqual([1, 1]);
  });

  it('counts what the decoder will cut, but not in refused spans or inside arrays', () => {
    const attributes = [
      { key: 'long key', value: { intValue: 1 } },
      { key: 'k', value: { stringValue: '12345' } },
      { key: 'ok', value: { arrayValue: { values: [{ stringValue: '123456' }] } } },
    ];
    scanExport(request({ ...ids, attributes, events: [{ attributes }] }, { attributes }), { ...DEFAULT_SCAN_LIMITS, maxAttributeBytes: 4 }, scan);
    expect(scan.cutStrings).toBe(4);
  });

  it('starts afresh when its result is reused', () => {
    scanExport(request(ids, {}, ids), DEFAULT_SCAN_LIMITS, scan);
    scanExport(request(ids), DEFAULT_SCAN_LIMITS, scan);
    expect([scan.spanCount, scan.refusedCount, scan.scopeCount, scan.resourceCount, scan.cutStrings]).toEqual([1, 0, 1, 1, 0]);
  });
});
