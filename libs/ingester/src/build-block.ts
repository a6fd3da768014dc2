import { AppError } from '@vivace/base';
import type { BlockId, TenantId } from '@vivace/base';
import { BlockFolder, BlockWriter, chooseDedicatedColumns, supportedDedicatedColumns } from '@vivace/block';
import type { BlockMeta, DedicatedColumn } from '@vivace/block';
import { compareBytes } from '@vivace/bytes';
import { PartReader } from '@vivace/part';
import { identityOrder, orderByTrace, SpanTable, TraceAppender } from '@vivace/trace';

export interface BuildBlockJob {
  readonly tenant: TenantId;
  readonly blockId: BlockId;
  readonly parts: readonly string[];
  /** Folder for the files; made when missing. */
  readonly dir: string;
  readonly dedicatedColumns: readonly DedicatedColumn[];
  /** Fill the free columns with the keys that save most. Smaller blocks, but Tempo's tag endpoints do not look into dedicated columns. */
  readonly chooseDedicatedColumns: boolean;
  readonly bloomFalsePositive: number;
  readonly bloomShardBytes: number;
  /** A row group is closed after so many bytes of OTLP (on average over the parts) or so many spans, always between traces. */
  readonly rowGroupBytes: number;
  readonly rowGroupSpans: number;
}

export interface BuildBlockResult {
  readonly meta: BlockMeta;
  /** Names of the files in `dir`, in the order they must be put into the store. */
  readonly files: readonly string[];
}

/**
 * Merges parts into one block in `job.dir`. Memory: the dictionaries of the parts and one row group. A trace found in several parts
 * becomes one row, a span delivered twice is kept once. `beforeRowGroup` may throw to end it. Blocks the calling thread: run it in a worker.
 */
export function buildBlock(job: BuildBlockJob, beforeRowGroup: () => void = () => undefined): BuildBlockResult {
  const folder = new BlockFolder(job.dir);
  const readers: PartReader[] = [];
  try {
    for (const part of job.parts) readers.push(new PartReader(part, { reuse: true }));
    const dedicated = supportedDedicatedColumns(job.dedicatedColumns);
    let writer: BlockWriter | undefined;
    for (const table of mergedRowGroups(readers, spansPerRowGroup(readers, job))) {
      beforeRowGroup();
      const order = orderByTrace(table);
      writer ??= new BlockWriter(folder.sink, {
        blockId: job.blockId,
        tenantId: job.tenant,
        dedicatedColumns: job.chooseDedicatedColumns ? chooseDedicatedColumns(table, order, dedicated) : dedicated,
        bloom: { falsePositive: job.bloomFalsePositive, shardBytes: job.bloomShardBytes },
      });
      writer.writeRowGroup(table, order);
    }
    if (!writer) throw new AppError('failed_precondition', `block ${job.blockId}: parts hold no spans`);
    const block = writer.finish();
    return { meta: block.meta, files: folder.finish(block) };
  } finally {
    folder.close();
    for (const reader of readers) reader.close();
  }
}

function spansPerRowGroup(readers: readonly PartReader[], { rowGroupBytes, rowGroupSpans }: BuildBlockJob): number {
  let spans = 0;
  let bytes = 0;
  for (const { header } of readers) {
    spans += header.counts.span;
    bytes += header.receivedBytes;
  }
  return Math.max(1, Math.min(rowGroupSpans, Math.floor((rowGroupBytes * spans) / Math.max(1, bytes))));
}

/** Merges by trace id and cuts after about `rowGroupSpans` spans, always between traces. A table is valid until the next one is asked for. */
function* mergedRowGroups(readers: readonly PartReader[], rowGroupSpans: number): Generator<SpanTable> {
  const ids = readers.map((reader) => reader.traceIds());
  const edges = readers.map((reader) => reader.traceSpans());
  const ends = readers.map((reader) => reader.header.counts.trace);
  const from = readers.map(() => 0);
  const next = readers.map(() => 0);
  // One table for all row groups: shared memory is not part of what makes V8 collect, so fresh ones would pile up.
  const table = new SpanTable({
    spans: rowGroupSpans,
    attrs: rowGroupSpans * 8,
    strings: rowGroupSpans,
    stringBytes: rowGroupSpans * 32,
    traces: Math.max(64, rowGroupSpans >> 3),
  });
  for (;;) {
    let spans = 0;
    let done = false;
    while (!done && spans < rowGroupSpans) {
      let lowest = -1;
      for (let i = 0; i < readers.length; i++) {
        if (next[i] < ends[i] && (lowest < 0 || compareBytes(ids[i], next[i] * 16, ids[lowest], next[lowest] * 16, 16) < 0)) lowest = i;
      }
      if (lowest < 0) {
        done = true;
        break;
      }
      // All parts that hold this trace step together, so that it never lies on both sides of a cut.
      for (let i = readers.length - 1; i >= 0; i--) {
        if (next[i] < ends[i] && i !== lowest && compareBytes(ids[i], next[i] * 16, ids[lowest], next[lowest] * 16, 16) === 0) spans += step(i);
      }
      spans += step(lowest);
    }
    if (spans > 0) yield gather(readers, from, next, table);
    for (let i = 0; i < from.length; i++) from[i] = next[i];
    if (done) return;
  }

  function step(i: number): number {
    const t = next[i]++;
    return edges[i][t + 1] - edges[i][t];
  }
}

function gather(readers: readonly PartReader[], from: readonly number[], to: readonly number[], table: SpanTable): SpanTable {
  table.clear();
  // Newest part first: storage order of a trace that lies in several.
  for (let i = readers.length - 1; i >= 0; i--) {
    if (from[i] === to[i]) continue;
    const slice = readers[i].readTraces(from[i], to[i]);
    new TraceAppender(slice, table).append(identityOrder(slice));
  }
  return table;
}
