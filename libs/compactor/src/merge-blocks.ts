import { AppError } from '@vivace/base';
import type { BlockId, TenantId } from '@vivace/base';
import { BlockFolder, BlockWriter, MergePlan, rowsOfTable } from '@vivace/block';
import type { BlockMeta, BlockReader, MergeRows } from '@vivace/block';
import { compareBytes } from '@vivace/bytes';
import { cutTraces, identityOrder, orderByTrace, SpanTable, TraceAppender } from '@vivace/trace';
import type { CutTrace, TraceOrder } from '@vivace/trace';
import { SpanSet } from './span-set.ts';

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
 * Merges blocks into one, a row group at a time. Traces ascend in all of them, so this is a merge join: it says which rows of which input make the next row group, and
 * these are copied column by column. Of a trace that several inputs have, the copy with all its spans is taken as it is; where no input has all, it is put together as a
 * table, each span once (equal id and kind).
 */
export async function mergeBlocks(job: MergeBlocksJob, hooks: MergeHooks): Promise<MergeBlocksResult> {
  const { tenant, blockId, inputs } = job;
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
    const cursors: Cursor[] = [];
    for (const meta of inputs) cursors.push(new Cursor(await hooks.open(meta)));
    const merge = new Merge(job, cursors, hooks);
    while (await merge.next(writer)) hooks.pause();
    if (merge.spans === 0) throw new AppError('data_loss', `blocks ${inputs.map((meta) => meta.blockId).join(', ')}: no spans in them`);
    const block = writer.finish();
    return {
      meta: block.meta,
      files: folder.finish(block),
      combinedTraces: merge.combinedTraces,
      duplicateSpans: merge.spansRead - merge.spans - merge.cut.reduce((sum, trace) => sum + trace.droppedSpans, 0),
      spans: merge.spans,
      cutTraces: merge.cut,
    };
  } finally {
    folder.close();
  }
}

/** The row of a trace in an input. */
interface Copy {
  readonly input: Cursor;
  readonly rows: MergeRows;
  readonly rowGroup: number;
  readonly row: number;
}

/** The next trace of the output. */
interface Step {
  /** Newest first; one when it has all spans. */
  readonly copies: readonly Copy[];
  /** Several inputs have it. */
  readonly isCombined: boolean;
  /** It is put together as a table, not copied. */
  readonly isTable: boolean;
}

/** Where the merge stands in one input. */
class Cursor {
  readonly reader: BlockReader;
  /** The row group begun last; undefined before the first and after the last one. */
  rows: MergeRows | undefined;
  #rowGroup = -1;
  /** Next row. */
  at = 0;

  constructor(reader: BlockReader) {
    this.reader = reader;
  }

  /** Reads on when the row group is used up; whether there is a next row. */
  async fill({ pause, signal }: MergeHooks): Promise<boolean> {
    while (this.rows === undefined || this.at === this.rows.rowCount) {
      this.rows = undefined;
      this.at = 0;
      if (this.#rowGroup + 1 >= this.reader.rowGroupCount) return false;
      this.rows = await this.reader.mergeRows(++this.#rowGroup, signal);
      pause();
    }
    return true;
  }

  get isWaiting(): boolean {
    return this.rows !== undefined && this.at < this.rows.rowCount;
  }

  /** Takes the next row. */
  take(): Copy {
    if (this.rows === undefined) throw new Error('no next row');
    return { input: this, rows: this.rows, rowGroup: this.#rowGroup, row: this.at++ };
  }

  /** Order of the next rows by trace id. */
  compare(other: Cursor): number {
    if (this.rows === undefined || other.rows === undefined) throw new Error('no next row');
    return compareBytes(this.rows.traceIds, this.at * 16, other.rows.traceIds, other.at * 16, 16);
  }
}

/** Makes one row group after the other. */
class Merge {
  readonly #job: MergeBlocksJob;
  readonly #hooks: MergeHooks;
  #cursors: readonly Cursor[];
  readonly #spanSet = new SpanSet();
  /** Row groups begun. */
  readonly #open = new Set<MergeRows>();
  /** Of copies that are alike that one is taken whose rows are being copied already: long runs are fast. */
  #favourite: Cursor | undefined;
  combinedTraces = 0;
  /** All copies of them. */
  spansRead = 0;
  spans = 0;
  readonly cut: CutTrace[] = [];

  constructor(job: MergeBlocksJob, cursors: readonly Cursor[], hooks: MergeHooks) {
    this.#job = job;
    this.#cursors = cursors;
    this.#hooks = hooks;
  }

  /** Writes the next row group; false when nothing is left. */
  async next(writer: BlockWriter): Promise<boolean> {
    let steps = await this.#steps();
    if (steps.length === 0) {
      this.#close([]);
      return false;
    }
    let plan = await this.#plan(steps);
    const { maxBytesPerTrace } = this.#job;
    if (maxBytesPerTrace > 0) {
      const isLarge = ({ isCombined, isTable, copies: [{ rows, row }] }: Step): boolean => isCombined && !isTable && rows.bytesAtMost(row) > maxBytesPerTrace;
      if (steps.some(isLarge)) {
        steps = steps.map((step) => (isLarge(step) ? { ...step, isTable: true } : step));
        plan = await this.#plan(steps);
      }
    }
    writer.writeMergedRows(plan);
    this.spans += plan.spanCount;
    this.#close(plan.sources);
    return true;
  }

  /** Closes row groups of which no more rows are to come. */
  #close(used: readonly MergeRows[]): void {
    for (const rows of used) this.#open.add(rows);
    const isRead = (rows: MergeRows): boolean => this.#cursors.some((cursor) => cursor.rows === rows);
    for (const rows of this.#open) {
      if (isRead(rows)) continue;
      rows.close();
      this.#open.delete(rows);
    }
    for (const { rows } of this.#cursors) if (rows) this.#open.add(rows);
  }

  /** The traces of the next row group. All inputs that hold a trace give it in one step, so it never lies on both sides of a cut. */
  async #steps(): Promise<Step[]> {
    const steps: Step[] = [];
    let spans = 0;
    while (spans < this.#job.rowGroupSpans) {
      if (this.#cursors.length === 0 || !this.#cursors.every((cursor) => cursor.isWaiting)) {
        const left: Cursor[] = [];
        for (const cursor of this.#cursors) if (await cursor.fill(this.#hooks)) left.push(cursor);
        this.#cursors = left;
        if (left.length === 0) break;
      }
      const copies = this.#take();
      for (const copy of copies) this.spansRead += spansOf(copy);
      const step = copies.length === 1 ? { copies, isCombined: false, isTable: false } : await this.#combine(copies);
      for (const copy of step.copies) spans += spansOf(copy);
      steps.push(step);
    }
    return steps;
  }

  /** All copies of the next trace, newest first. */
  #take(): readonly Copy[] {
    let [lowest] = this.#cursors;
    let same = 1;
    for (let i = 1; i < this.#cursors.length; i++) {
      const order = this.#cursors[i].compare(lowest);
      if (order < 0) {
        lowest = this.#cursors[i];
        same = 1;
      } else if (order === 0) same++;
    }
    if (same === 1) return [lowest.take()];
    const holders = this.#cursors.filter((cursor) => cursor === lowest || cursor.compare(lowest) === 0);
    return holders.map((cursor) => cursor.take()).reverse();
  }

  /** Where one copy has all spans of all, which is so but for traces that were cut while they arrived, the others are left out. */
  async #combine(copies: readonly Copy[]): Promise<Step> {
    this.combinedTraces++;
    let largest = copies[0];
    for (const copy of copies) {
      const more = spansOf(copy) - spansOf(largest);
      if (more > 0 || (more === 0 && copy.input === this.#favourite)) largest = copy;
    }
    this.#favourite = largest.input;
    const { signal } = this.#hooks;
    const set = this.#spanSet;
    let hasAll = set.set(largest.rows.identities ?? (await largest.rows.readIdentities(signal)), ...spanRange(largest));
    for (const copy of copies) {
      if (!hasAll) break;
      if (copy !== largest) hasAll = set.hasAll(copy.rows.identities ?? (await copy.rows.readIdentities(signal)), ...spanRange(copy));
    }
    return { copies: hasAll ? [largest] : copies, isCombined: true, isTable: !hasAll };
  }

  async #plan(steps: readonly Step[]): Promise<MergePlan> {
    const together = steps.filter((step) => step.isTable);
    const tables = together.length === 0 ? undefined : await this.#putTogether(together);
    const plan = new MergePlan();
    let row = 0;
    for (const { copies, isTable } of steps) {
      if (isTable && tables) plan.add(tables, row++);
      else plan.add(copies[0].rows, copies[0].row);
    }
    await plan.load(this.#hooks.signal);
    return plan;
  }

  /** Traces of several copies, each span once, as rows in the order of the steps. */
  async #putTogether(steps: readonly Step[]): Promise<MergeRows> {
    const rowsOf = new Map<MergeRows, Copy[]>();
    for (const copy of steps.flatMap((step) => step.copies)) {
      const known = rowsOf.get(copy.rows);
      if (known) known.push(copy);
      else rowsOf.set(copy.rows, [copy]);
    }
    const table = new SpanTable();
    const sources = new Map<MergeRows, TableCursor>();
    for (const [rows, copies] of rowsOf) {
      const { input, rowGroup } = copies[0];
      const source = await input.reader.readTraces(
        rowGroup,
        Uint32Array.from(copies, (copy) => copy.row),
        this.#hooks.signal,
      );
      sources.set(rows, { order: identityOrder(source), appender: new TraceAppender(source, table), at: 0 });
    }
    for (const { copies } of steps) {
      for (const { rows } of copies) {
        const source = sources.get(rows);
        if (source) source.appender.append(source.order, source.at, ++source.at);
      }
    }
    let order = orderByTrace(table);
    const { maxBytesPerTrace } = this.#job;
    if (maxBytesPerTrace > 0) {
      const cut = cutTraces(table, order, [...order.traces], maxBytesPerTrace);
      order = cut.order;
      this.cut.push(...cut.traces);
    }
    return rowsOfTable(table, order, steps[0].copies[0].input.reader.meta);
  }
}

interface TableCursor {
  readonly order: TraceOrder;
  readonly appender: TraceAppender;
  /** Next trace. */
  at: number;
}

function spansOf({ rows, row }: Copy): number {
  return rows.spanOffsets[row + 1] - rows.spanOffsets[row];
}

function spanRange({ rows, row }: Copy): readonly [from: number, to: number] {
  return [rows.spanOffsets[row], rows.spanOffsets[row + 1]];
}
