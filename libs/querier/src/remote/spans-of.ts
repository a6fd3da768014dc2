import { decodeInto } from '@vivace/otlp';
import { SpanTable } from '@vivace/trace';
import type { SpanTableHandle } from '@vivace/trace';

/** What ingesters sent of their spans (task `spans`) in a table; none when they have none. */
export function tablesOf(pieces: readonly (Uint8Array | undefined)[]): SpanTableHandle[] {
  const table = new SpanTable();
  for (const bytes of pieces) if (bytes) decodeInto(bytes, table, { maxAttributeBytes: 0 }, { cutStrings: 0 });
  return table.spanCount === 0 ? [] : [table.handle()];
}
