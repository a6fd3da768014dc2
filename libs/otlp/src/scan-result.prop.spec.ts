import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberTraces } from './number-traces.ts';
import { DROP, regroup } from './regroup.ts';
import { DEFAULT_SCAN_LIMITS, scanExport } from './scan-export.ts';
import { ScanResult } from './scan-result.ts';
import { randomRequest } from './testing/random-request.ts';

describe('a copy of a scan', () => {
  it('serves as well, and keeps when the scan is used again', () => {
    const scan = new ScanResult();
    const other = randomRequest({ seed: 7, spans: 30 });
    fc.assert(
      fc.property(fc.record({ seed: fc.nat(), spans: fc.nat(40), bad: fc.constantFrom(0, 0.3) }), (shape) => {
        const bytes = randomRequest(shape);
        scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
        const uses = (of: ScanResult) => {
          const traceOf = new Uint32Array(of.spanCount);
          const traces = numberTraces(bytes, of, traceOf);
          const half = traceOf.map((trace) => (trace === DROP ? DROP : trace % 2));
          return { spans: of.spanCount, refused: [of.refusedCount, ...of.refusedByCode], cut: of.cutStrings, traces, parts: regroup(bytes, of, half, 2) };
        };
        const wanted = uses(scan);
        const copy = scan.copy();
        scanExport(other, DEFAULT_SCAN_LIMITS, scan);
        expect(uses(copy)).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });
});
