import { describe, expect, it } from 'vitest';
import { jsonToProto } from './json-to-proto.ts';
import { DROP } from './regroup.ts';
import { DEFAULT_SCAN_LIMITS, scanExport } from './scan-export.ts';
import { ScanResult } from './scan-result.ts';
import { selectByEnd } from './select-by-end.ts';

const IDS = { traceId: '0102030405060708090a0b0c0d0e0f10', spanId: '0102030405060708' };
const NOW = 1_795_189_777_000;
const endsAt = (ms: number): object => ({ ...IDS, name: 'n', endTimeUnixNano: `${ms}000000`, attributes: [{ key: 'k', value: { stringValue: 'v' } }] });

function select(bytes: Uint8Array): [left: number, groups: number[]] {
  const scan = new ScanResult();
  scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
  const groupOf = new Uint32Array(scan.spanCount).fill(7);
  return [selectByEnd(bytes, scan, NOW - 30_000, NOW + 1_000, groupOf), [...groupOf]];
}

describe('selectByEnd', () => {
  it('keeps the good spans that end in the range, and counts the good ones that do not', () => {
    const spans = [endsAt(NOW), endsAt(NOW - 30_000), endsAt(NOW - 30_001), endsAt(NOW + 1_000), endsAt(NOW + 1_001), IDS, { ...endsAt(NOW), spanId: '' }];
    const bytes = jsonToProto(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
    expect(select(bytes)).toEqual([3, [0, 0, DROP, 0, DROP, DROP, DROP]]);
  });

  it('goes by the last end of a span', () => {
    const end = (ms: number): number[] => [0x41, ...new Uint8Array(new BigUint64Array([BigInt(ms) * 1_000_000n]).buffer)];
    const span = [0x0a, 16, ...new Array<number>(16).fill(1), 0x12, 8, ...new Array<number>(8).fill(1), ...end(NOW), ...end(1)];
    const scope = [0x12, span.length, ...span];
    const resource = [0x12, scope.length, ...scope];
    expect(select(Uint8Array.from([0x0a, resource.length, ...resource]))).toEqual([1, [DROP]]);
  });
});
