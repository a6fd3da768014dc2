import { AppError } from '@vivace/base';
import { cutTraces, orderByTrace, SpanTable } from '@vivace/trace';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeInto } from './decode-into.ts';
import type { DecodeStats } from './decode-into.ts';
import { DEFAULT_SCAN_LIMITS, scanExport } from './scan-export.ts';
import { REFUSAL_REASONS, ScanResult } from './scan-result.ts';
import { randomRequest } from './testing/random-request.ts';
import { readTable } from './testing/read-table.ts';
import { referenceDecode } from './testing/reference-decoder.ts';

const shape = fc.record({ seed: fc.nat(), spans: fc.nat(40) });

function refusals(scan: ScanResult): string[] {
  return Array.from(scan.spanRefusal.subarray(0, scan.spanCount), (code) => REFUSAL_REASONS[code]);
}

/** The spans of a table as one trace, which no trace of it is larger than. */
function asOneTrace(table: SpanTable) {
  const order = orderByTrace(table);
  return { ...order, traceCount: Math.min(1, order.traceCount), traceSpans: Uint32Array.of(0, table.spanCount) };
}

it('a trace that has been received within a limit is not cut by the same limit later', () => {
  fc.assert(
    fc.property(shape, (s) => {
      const bytes = randomRequest(s);
      const table = new SpanTable();
      decodeInto(bytes, table, { maxAttributeBytes: 0 }, { cutStrings: 0 });
      const order = asOneTrace(table);
      expect(cutTraces(table, order, [...order.traces], bytes.length).traces).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

describe('scanExport and decodeInto against the reference decoder', () => {
  it('decode what the reference decodes, at any length limit', () => {
    fc.assert(
      fc.property(shape, fc.constantFrom(0, 1, 5, 2048), (s, maxAttributeBytes) => {
        const bytes = randomRequest(s);
        const scan = new ScanResult(1);
        scanExport(bytes, { ...DEFAULT_SCAN_LIMITS, maxAttributeBytes }, scan);
        expect(scan.refusedCount).toBe(0);
        const table = new SpanTable();
        const stats: DecodeStats = { cutStrings: 0 };
        decodeInto(bytes, table, { maxAttributeBytes }, stats);
        expect(readTable(table)).toEqual(referenceDecode(bytes, maxAttributeBytes).map((x) => x.span));
        expect(table.spanCount).toBe(scan.spanCount);
      }),
      { numRuns: 400 },
    );
  });

  it('decode into a table used before as into a new one, and the same request again from what is remembered of it', () => {
    const used = new SpanTable();
    const stats: DecodeStats = { cutStrings: 0 };
    fc.assert(
      fc.property(shape, fc.constantFrom(0, 5, 2048), (s, maxAttributeBytes) => {
        const bytes = randomRequest(s);
        const expected = referenceDecode(bytes, maxAttributeBytes).map((x) => x.span);
        used.clear();
        for (let times = 0; times < 3; times++) decodeInto(bytes, used, { maxAttributeBytes }, stats);
        expect(readTable(used)).toEqual([...expected, ...expected, ...expected]);
      }),
      { numRuns: 200 },
    );
  });

  it('refuse what the reference refuses, and nothing else', () => {
    fc.assert(
      fc.property(shape, (s) => {
        const bytes = randomRequest({ ...s, bad: 0.3 });
        const scan = new ScanResult(1);
        scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
        expect(refusals(scan)).toEqual(referenceDecode(bytes).map((x) => x.refusal));
      }),
      { numRuns: 300 },
    );
  });

  it('agree with the reference about damaged bytes: both refuse the request, or the same spans of it', () => {
    let accepted = 0;
    const scan = new ScanResult();
    fc.assert(
      fc.property(shape, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), (s, edits) => {
        const bytes = randomRequest(s);
        for (const [at, value] of edits) if (bytes.length > 0) bytes[at % bytes.length] = value;
        let reference: ReturnType<typeof referenceDecode> | undefined;
        try {
          reference = referenceDecode(bytes);
        } catch {
          reference = undefined;
        }
        if (reference === undefined) {
          expect(() => scanExport(bytes, DEFAULT_SCAN_LIMITS, scan)).toThrow(AppError);
          return;
        }
        scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
        expect(refusals(scan)).toEqual(reference.map((x) => x.refusal));
        if (scan.refusedCount > 0) return;
        accepted++;
        const table = new SpanTable();
        decodeInto(bytes, table, { maxAttributeBytes: 0 }, { cutStrings: 0 });
        expect(readTable(table)).toEqual(reference.map((x) => x.span));
      }),
      { numRuns: 1500 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
