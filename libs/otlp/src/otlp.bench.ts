/**
 * Time per span of scan, numbering, regrouping, folding and the ways out: `node --conditions=@vivace/source libs/otlp/src/otlp.bench.ts`.
 * 226 spans of mixed shape (testdata/otlp/input.json), trace ids new in every round, so that the table grows as a head does.
 */
import { readFileSync } from 'node:fs';
import { SpanTable } from '@vivace/trace';
import { decodeInto } from './decode-into.ts';
import { jsonToProto } from './json-to-proto.ts';
import { numberTraces } from './number-traces.ts';
import { regroup } from './regroup.ts';
import { DEFAULT_SCAN_LIMITS, scanExport } from './scan-export.ts';
import { ScanResult } from './scan-result.ts';
import { traceToJson } from './trace-to-json.ts';
import { traceToProto } from './trace-to-proto.ts';

const file = new URL('../../../testdata/otlp/input.json', import.meta.url);
const texts = (JSON.parse(readFileSync(file, 'utf8')) as { requests: unknown[] }).requests.map((request) => JSON.stringify(request));
const requests = texts.map((text) => jsonToProto(text));
const scan = new ScanResult();
const scans = requests.map((bytes) => {
  const result = new ScanResult();
  scanExport(bytes, DEFAULT_SCAN_LIMITS, result);
  return result;
});
const spans = scans.reduce((n, s) => n + s.spanCount, 0);
const groups = scans.map((s) => Uint32Array.from({ length: s.spanCount }, (_, i) => i % 3));
console.log(`${spans} spans, ${(requests.reduce((n, b) => n + b.length, 0) / spans).toFixed(0)} bytes each`);

/** Best of several runs, because the machine is shared. */
function bench(name: string, times: number, run: () => void, prepare = (): void => undefined): void {
  let best = Number.POSITIVE_INFINITY;
  for (let k = 0; k < 8; k++) {
    let used = 0;
    for (let i = 0; i < times; i++) {
      prepare();
      const start = performance.now();
      run();
      used += performance.now() - start;
    }
    best = Math.min(best, (used * 1000) / (times * spans));
  }
  console.log(`${name.padEnd(12)} ${best.toFixed(3)} µs a span`);
}

/** New trace ids: the first bytes count up. */
let round = 0;
function renumber(): void {
  round++;
  requests.forEach((bytes, r) => {
    for (let i = 0; i < scans[r].spanCount; i++) new DataView(bytes.buffer, bytes.byteOffset + scans[r].spanTraceIdAt[i]).setUint32(0, round);
  });
}

const traceOf = new Uint32Array(spans);
bench('scan', 200, () => requests.forEach((bytes) => scanExport(bytes, DEFAULT_SCAN_LIMITS, scan)));
bench('number', 200, () => requests.forEach((bytes, r) => numberTraces(bytes, scans[r], traceOf)));
bench('regroup', 200, () => requests.forEach((bytes, r) => regroup(bytes, scans[r], groups[r], 3)));

let table = new SpanTable();
const stats = { cutStrings: 0 };
bench(
  'decode',
  200,
  () => requests.forEach((bytes) => decodeInto(bytes, table, { maxAttributeBytes: 2048 }, stats)),
  () => {
    renumber();
    if (round % 200 === 0) table = new SpanTable();
  },
);
bench('json in', 20, () => texts.forEach((text) => jsonToProto(text)));

const one = new SpanTable();
requests.forEach((bytes) => decodeInto(bytes, one, { maxAttributeBytes: 2048 }, stats));
const rows = Array.from({ length: one.traceCount }, (_, row) => row);
bench('proto out', 20, () => rows.forEach((row) => traceToProto(one, row)));
bench('json out', 20, () => rows.forEach((row) => traceToJson(one, row)));
