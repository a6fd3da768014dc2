import { SelectedColumns } from '@vivace/query';
import { SpanTable } from '@vivace/trace';
import type { SpanColumns } from '@vivace/trace';
import { ID_BYTES } from './id-range.ts';

const IDS = { columns: new Set(['traceId'] as const), attrs: [], tracesOnly: true };

/** The traces with these ids. */
export async function onlyTraces(batches: readonly SpanColumns[], ids: Uint8Array, signal: AbortSignal): Promise<SpanColumns[]> {
  // A table is used as a set of ids.
  const wanted = new SpanTable({ traces: ids.length / ID_BYTES });
  for (let at = 0; at < ids.length; at += ID_BYTES) wanted.internTrace(ids, at);
  const out: SpanColumns[] = [];
  for (const columns of batches) {
    await columns.load(IDS, signal);
    const own = columns.traceIds();
    const rows = new Uint32Array(columns.traceCount);
    let n = 0;
    for (let row = 0; row < rows.length; row++) if (wanted.findTrace(own, row * ID_BYTES) >= 0) rows[n++] = row;
    if (n === rows.length) out.push(columns);
    else if (n > 0) out.push(new SelectedColumns(columns, rows.subarray(0, n)));
  }
  return out;
}
