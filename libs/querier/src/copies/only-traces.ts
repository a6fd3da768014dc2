import { SelectedColumns } from '@vivace/query';
import type { SpanColumns } from '@vivace/trace';
import { ID_BYTES } from './id-range.ts';
import { TraceNumbers } from './trace-numbers.ts';

const IDS = { columns: new Set(['traceId'] as const), attrs: [], tracesOnly: true };

/** The traces with these ids. */
export async function onlyTraces(batches: readonly SpanColumns[], ids: Uint8Array, signal: AbortSignal): Promise<SpanColumns[]> {
  const wanted = new TraceNumbers(ids.length / ID_BYTES);
  wanted.add(ids);
  const out: SpanColumns[] = [];
  for (const columns of batches) {
    await columns.load(IDS, signal);
    const numbers = wanted.find(columns.traceIds());
    const rows = new Uint32Array(columns.traceCount);
    let n = 0;
    for (let row = 0; row < rows.length; row++) if (numbers[row] >= 0) rows[n++] = row;
    if (n === rows.length) out.push(columns);
    else if (n > 0) out.push(new SelectedColumns(columns, rows.subarray(0, n)));
  }
  return out;
}
