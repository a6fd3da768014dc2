import { AppError } from '@vivace/base';
import type { BlockId, TenantId } from '@vivace/base';
import { BlockFolder, BlockWriter } from '@vivace/block';
import type { BlockMeta, BlockReader } from '@vivace/block';
import { compareBytes } from '@vivace/bytes';
import { identityOrder, orderByTrace, SpanTable, TraceAppender } from '@vivace/trace';
import type { TraceOrder } from '@vivace/trace';
import { cutTraces } from './cut-traces.ts';
import type { CutTrace } from './cut-traces.ts';

export interface MergeBlocksJob {
  readonly tenant: TenantId;
  /** Of the new block. */
  readonly blockId: BlockId;
  /** Oldest first, alike as `selectJobs` wants them. */
  readonly inputs: readonly BlockMeta[];
  /** Folder for the files; emptied first. */
  readonly dir: string;
  readonly bloomFalsePositive: number;
  readonly bloomShardBytes: number;
  readonly rowGroupSpans: number;
  /** A trace that is put together from several blocks is cut there, about; 0 is no limit. */
  readonly maxBytesPerTrace: number;
}

export interface MergeBlocksResult {
  readonly meta: BlockMeta;
  /** Names of the files in `dir`, in the order they must be put into the store. */
  readonly files: readonly string[];
  /** Traces found in more than one input. */
  readonly combinedTraces: number;
  /** Copies of spans left out. */
  readonly duplicateSpans: number;
  readonly spans: number;
  readonly cutTraces: readonly CutTrace[];
}

export interface MergeHooks {
  readonly open: (meta: BlockMeta) => Promise<BlockReader>;
  /** Called between steps of bounded memory; may throw to end it. */
  readonly pause: () => void;
  readonly signal: AbortSignal;
}

/**
 * Merges blocks into one, a row group of each in memory at a time. Traces ascend in all of them, so this is a merge join: a run of traces that only one input has is
 * copied in one go; a trace that several have becomes one row, each span once (equal id and kind).
 */
export async function mergeBlocks(job: MergeBlocksJob, hooks: MergeHooks): Promise<MergeBlocksResult> {
  const { tenant, blockId, inputs, rowGroupSpans } = job;
  const folder = new BlockFolder(job.dir);
  try {
    const writer = new BlockWriter(folder.sink, {
      blockId,
      tenantId: tenant,
      dedicatedColumns: inputs[0].dedicatedColumns,
      bloom: { falsePositive: job.bloomFalsePositive, shardBytes: job.bloomShardBytes },
      compactionLevel: Math.max(...inputs.map((meta) => meta.compactionLevel)) + 1,
      replicationFactor: inputs[0].replicationFactor,
      compactedFrom: inputs.map((meta) => meta.blockId),
    });
    const output = new Output(writer, job);
    const cursors: Cursor[] = [];
    for (const meta of inputs) cursors.push(new Cursor(await hooks.open(meta), output.table));
    for (;;) {
      for (const cursor of cursors) if (await cursor.fill(hooks.signal)) hooks.pause();
      const waiting = cursors.filter((cursor) => !cursor.isOver);
      if (waiting.length === 0) break;
      output.take(waiting);
      if (output.table.spanCount >= rowGroupSpans) {
        output.flush();
        for (const cursor of cursors) cursor.forget();
        hooks.pause();
      }
    }
    output.flush();
    if (output.spans === 0) throw new AppError('data_loss', `blocks ${inputs.map((meta) => meta.blockId).join(', ')}: no spans in them`);
    const block = writer.finish();
    const files = folder.finish(block);
    return {
      meta: block.meta,
      files,
      combinedTraces: output.combinedTraces,
      duplicateSpans: output.duplicateSpans,
      spans: output.spans,
      cutTraces: output.cut,
    };
  } finally {
    folder.close();
  }
}

/** Where the merge stands in one input. */
class Cursor {
  readonly #reader: BlockReader;
  readonly #target: SpanTable;
  /** For one row group after the other: shared memory is not part of what makes V8 collect. */
  readonly #memory = new SpanTable();
  /** Row groups begun, and of the last one the rows read, of how many. */
  #group = 0;
  #row = 0;
  #rows = 0;
  #rowsAtOnce = 1;
  #table: SpanTable | undefined;
  #order: TraceOrder | undefined;
  #appender: TraceAppender | undefined;
  /** Next trace of the row group. */
  at = 0;

  constructor(reader: BlockReader, target: SpanTable) {
    this.#reader = reader;
    this.#target = target;
  }

  get isOver(): boolean {
    return this.#table === undefined;
  }

  get end(): number {
    return this.#order?.traceCount ?? 0;
  }

  get ids(): Uint8Array {
    return this.#table?.traceId ?? EMPTY;
  }

  /** Reads on when what was read is used up; whether it did. */
  async fill(signal: AbortSignal): Promise<boolean> {
    if (this.at < this.end) return false;
    this.#table = undefined;
    this.#order = undefined;
    this.#appender = undefined;
    this.at = 0;
    while (this.#row === this.#rows) {
      if (this.#group === this.#reader.rowGroupCount) return false;
      const columns = this.#reader.columns(this.#group++);
      this.#row = 0;
      this.#rows = columns.traceCount;
      // A row group as we write it is read in one go.
      const parts = columns.spanCount <= 2 * SPANS_AT_ONCE ? 1 : columns.spanCount / SPANS_AT_ONCE;
      this.#rowsAtOnce = Math.max(1, Math.floor(columns.traceCount / parts));
    }
    const to = Math.min(this.#rows, this.#row + this.#rowsAtOnce);
    const rows = Uint32Array.from({ length: to - this.#row }, (_, i) => this.#row + i);
    this.#table =
      rows.length === this.#rows
        ? await this.#reader.readRowGroup(this.#group - 1, signal, this.#memory)
        : await this.#reader.readTraces(this.#group - 1, rows, signal);
    this.#row = to;
    this.#order = identityOrder(this.#table);
    return true;
  }

  /** Appends the traces up to `to` to the target. */
  append(to: number): void {
    if (!this.#table || !this.#order) return;
    this.#appender ??= new TraceAppender(this.#table, this.#target);
    this.#appender.append(this.#order, this.at, to);
    this.at = to;
  }

  /** The target was emptied: what was remembered of it does not hold any more. */
  forget(): void {
    this.#appender = undefined;
  }
}

const EMPTY = new Uint8Array(0);

/** The row group being made. */
class Output {
  /** For one row group after the other, as in a cursor. */
  readonly table: SpanTable;
  readonly #writer: BlockWriter;
  readonly #job: MergeBlocksJob;
  /** Rows of `table` that come from several inputs. */
  readonly #combined: number[] = [];
  readonly cut: CutTrace[] = [];
  combinedTraces = 0;
  duplicateSpans = 0;
  spans = 0;

  constructor(writer: BlockWriter, job: MergeBlocksJob) {
    this.#writer = writer;
    this.#job = job;
    const { rowGroupSpans } = job;
    this.table = new SpanTable({ spans: rowGroupSpans, attrs: rowGroupSpans * 8, traces: Math.max(64, rowGroupSpans >> 3) });
  }

  /** Takes the next trace, or a run of traces that one input alone has. All inputs that hold a trace give it in one step, so it never lies on both sides of a cut. */
  take(cursors: readonly Cursor[]): void {
    let lowest = cursors[0];
    for (const cursor of cursors) if (compareHeads(cursor, lowest) < 0) lowest = cursor;
    const same = cursors.filter((cursor) => cursor === lowest || compareHeads(cursor, lowest) === 0);
    if (same.length > 1) {
      this.#combined.push(this.table.traceCount);
      // Newest first: storage order of a trace that lies in several.
      for (let i = same.length - 1; i >= 0; i--) same[i].append(same[i].at + 1);
      return;
    }
    lowest.append(this.#endOfRun(lowest, cursors));
  }

  #endOfRun(lowest: Cursor, cursors: readonly Cursor[]): number {
    const others = cursors.filter((cursor) => cursor !== lowest);
    const next = others.reduce<Cursor | undefined>((least, cursor) => (least && compareHeads(least, cursor) <= 0 ? least : cursor), undefined);
    if (!next) return Math.min(lowest.end, lowest.at + MAX_RUN);
    const { ids } = lowest;
    let to = lowest.at + 1;
    const end = Math.min(lowest.end, lowest.at + MAX_RUN);
    while (to < end && compareBytes(ids, to * 16, next.ids, next.at * 16, 16) < 0) to++;
    return to;
  }

  flush(): void {
    const { table } = this;
    if (table.spanCount === 0) return;
    // Without a trace of several inputs everything is in order already.
    let order = this.#combined.length === 0 ? identityOrder(table) : orderByTrace(table);
    this.duplicateSpans += table.spanCount - order.spans.length;
    this.combinedTraces += this.#combined.length;
    if (this.#job.maxBytesPerTrace > 0 && this.#combined.length > 0) {
      const cut = cutTraces(table, order, this.#combined, this.#job.maxBytesPerTrace);
      order = cut.order;
      this.cut.push(...cut.traces);
    }
    this.spans += order.spans.length;
    this.#writer.writeRowGroup(table, order);
    table.clear();
    this.#combined.length = 0;
  }
}

/** Of an input in memory at a time, about: row groups of other writers may have half a million. */
const SPANS_AT_ONCE = 65_536;
/** Traces copied before the size of the row group is looked at again. */
const MAX_RUN = 256;

function compareHeads(a: Cursor, b: Cursor): number {
  return compareBytes(a.ids, a.at * 16, b.ids, b.at * 16, 16);
}
