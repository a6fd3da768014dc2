import { hex } from '@vivace/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberTraces } from './number-traces.ts';
import { DROP, regroup } from './regroup.ts';
import { DEFAULT_SCAN_LIMITS, scanExport } from './scan-export.ts';
import { ScanResult } from './scan-result.ts';
import { randomRequest } from './testing/random-request.ts';
import { referenceDecode } from './testing/reference-decoder.ts';

const shape = fc.record({ seed: fc.nat(), spans: fc.nat(40) });
const scan = new ScanResult();

describe('regroup', () => {
  it('gives every group exactly its spans, in order, under the same resource and scope', () => {
    fc.assert(
      fc.property(shape, fc.integer({ min: 1, max: 6 }), fc.array(fc.nat(6), { minLength: 1, maxLength: 60 }), (s, groups, choice) => {
        const bytes = randomRequest(s);
        scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
        const groupOf = new Uint32Array(scan.spanCount);
        for (let i = 0; i < scan.spanCount; i++) groupOf[i] = choice[i % choice.length] < groups ? choice[i % choice.length] : DROP;
        const whole = referenceDecode(bytes);
        const results = regroup(bytes, scan, groupOf, groups);
        expect(results).toHaveLength(groups);
        results.forEach((part, g) => expect(referenceDecode(part)).toEqual(whole.filter((_, i) => groupOf[i] === g)));
      }),
      { numRuns: 500 },
    );
  });

  it('removes refused spans whatever is wrong in them, so that what is left scans clean', () => {
    fc.assert(
      fc.property(shape, (s) => {
        const bytes = randomRequest({ ...s, bad: 0.4 });
        scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
        const groupOf = Uint32Array.from({ length: scan.spanCount }, (_, i) => (scan.spanRefusal[i] === 0 ? 0 : DROP));
        const [good] = regroup(bytes, scan, groupOf, 1);
        scanExport(good, DEFAULT_SCAN_LIMITS, scan);
        expect(scan.refusedCount).toBe(0);
        expect(referenceDecode(good)).toEqual(referenceDecode(bytes).filter((x) => x.refusal === ''));
      }),
      { numRuns: 300 },
    );
  });

  it('hands the bytes through when one group takes all', () => {
    const bytes = randomRequest({ seed: 1, spans: 20 });
    scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
    const results = regroup(bytes, scan, new Uint32Array(scan.spanCount).fill(1), 3);
    expect(results[1]).toBe(bytes);
    expect(results[0]).toHaveLength(0);
    expect(results[2]).toHaveLength(0);
  });
});

describe('numberTraces', () => {
  it('gives equal numbers to equal trace ids only, by first appearance', () => {
    fc.assert(
      fc.property(shape, fc.constantFrom(0, 0.3), (s, bad) => {
        const bytes = randomRequest({ ...s, bad });
        scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
        const traceOf = new Uint32Array(scan.spanCount);
        const firstSpan = new Uint32Array(scan.spanCount);
        const count = numberTraces(bytes, scan, traceOf, firstSpan);
        const seen: string[] = [];
        for (let i = 0; i < scan.spanCount; i++) {
          if (scan.spanRefusal[i] !== 0) {
            expect(traceOf[i]).toBe(DROP);
            continue;
          }
          const id = hex(bytes, scan.spanTraceIdAt[i], scan.spanTraceIdAt[i] + 16);
          if (!seen.includes(id)) seen.push(id);
          expect(traceOf[i]).toBe(seen.indexOf(id));
        }
        expect(count).toBe(seen.length);
        expect(Array.from(firstSpan.subarray(0, count), (i) => hex(bytes, scan.spanTraceIdAt[i], scan.spanTraceIdAt[i] + 16))).toEqual(seen);
        expect(numberTraces(bytes, scan, traceOf)).toBe(count);
      }),
      { numRuns: 300 },
    );
  });
});
