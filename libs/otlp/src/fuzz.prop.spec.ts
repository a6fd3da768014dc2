import { AppError } from '@vivace/base';
import { SpanTable } from '@vivace/trace';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeInto } from './decode-into.ts';
import { jsonToProto } from './json-to-proto.ts';
import { DROP, regroup } from './regroup.ts';
import { DEFAULT_SCAN_LIMITS, scanExport } from './scan-export.ts';
import { ScanResult } from './scan-result.ts';
import { randomRequest } from './testing/random-request.ts';

const scan = new ScanResult();

/** What the write path does with bytes from outside. Returns the spans kept. */
function take(bytes: Uint8Array): number {
  try {
    scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe('invalid_argument');
    return 0;
  }
  const kept = scan.spanCount - scan.refusedCount;
  const groupOf = Uint32Array.from({ length: scan.spanCount }, (_, i) => (scan.spanRefusal[i] === 0 ? 0 : DROP));
  const [good] = regroup(bytes, scan, groupOf, 1);
  const table = new SpanTable();
  decodeInto(good, table, { maxAttributeBytes: 16 }, { cutStrings: 0 });
  expect(table.spanCount).toBe(kept);
  // Nothing in a request costs more memory than a small multiple of its size.
  expect(table.usedBytes()).toBeLessThan(100_000 + bytes.length * 200);
  return kept;
}

describe('bytes from outside', () => {
  it('that are random', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void take(bytes)),
      { numRuns: 5000 },
    );
  });

  it('that are a request cut, spliced or overwritten somewhere', () => {
    let kept = 0;
    const edit = fc.record({ at: fc.nat(), drop: fc.nat(20), insert: fc.uint8Array({ maxLength: 8 }) });
    fc.assert(
      fc.property(fc.nat(), fc.nat(12), fc.array(edit, { minLength: 1, maxLength: 3 }), (seed, spans, edits) => {
        let bytes = randomRequest({ seed, spans });
        for (const { at, drop, insert } of edits) {
          const from = at % (bytes.length + 1);
          bytes = new Uint8Array(Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(from + drop)]));
        }
        kept += take(bytes);
      }),
      { numRuns: 1500 },
    );
    // Most edits break a length in front of the spans; some do not.
    expect(kept).toBeGreaterThan(10);
  });

  it('that nest as deeply as they can', () => {
    for (const tag of [0x0a, 0x12, 0x2a, 0x32, 0x4a, 0x0b]) {
      // 20,000 messages one inside the other, lengths and all; for a group the opening tags alone.
      let bytes = Buffer.alloc(0);
      const parts: Buffer[] = [];
      let size = 0;
      for (let i = 0; i < 20_000; i++) {
        const prefix = tag === 0x0b ? Buffer.of(tag) : Buffer.of(tag, (size & 0x7f) | 0x80, ((size >> 7) & 0x7f) | 0x80, (size >> 14) & 0x7f);
        parts.push(prefix);
        size += prefix.length;
      }
      bytes = Buffer.concat(parts.reverse());
      take(bytes);
      const span = Buffer.concat([Buffer.of(0x4a), varint(bytes.length), bytes]);
      const scope = Buffer.concat([Buffer.of(0x12), varint(span.length), span]);
      const resource = Buffer.concat([Buffer.of(0x12), varint(scope.length), scope]);
      expect(take(Buffer.concat([Buffer.of(0x0a), varint(resource.length), resource]))).toBe(0);
      expect(scan.spanCount).toBe(1);
    }
  });
});

describe('text from outside', () => {
  it('is JSON that becomes a request, or an AppError', () => {
    const text = JSON.stringify({
      resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: '0'.repeat(31) + '1', spanId: '0000000000000001', startTimeUnixNano: '1700000000000000000' }] }] }],
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(text.length), fc.string({ maxLength: 3 })), { maxLength: 3 }), (edits) => {
        let edited = text;
        for (const [at, insert] of edits) edited = edited.slice(0, at) + insert + edited.slice(at + 1);
        let bytes: Uint8Array;
        try {
          bytes = jsonToProto(edited);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          return;
        }
        take(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});

function varint(value: number): Buffer {
  return Buffer.of((value & 0x7f) | 0x80, ((value >> 7) & 0x7f) | 0x80, (value >> 14) & 0x7f);
}
