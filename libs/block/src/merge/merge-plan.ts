import { grown } from './grown.ts';
import type { MergeRows, RowRanges } from './merge-rows.ts';

/** The rows of a row group to be made: runs of rows of other row groups, ascending by trace id. Rows of one source must be taken front to back. */
export class MergePlan {
  readonly sources: MergeRows[] = [];
  runCount = 0;
  /** Number of the source of each run. */
  source = new Uint32Array(256);
  from = new Uint32Array(256);
  to = new Uint32Array(256);
  rowCount = 0;
  spanCount = 0;

  /** Row `row` of `source` is next. */
  add(source: MergeRows, row: number): void {
    this.rowCount++;
    this.spanCount += source.spanOffsets[row + 1] - source.spanOffsets[row];
    const last = this.runCount - 1;
    if (last >= 0 && this.sources[this.source[last]] === source && this.to[last] === row) {
      this.to[last]++;
      return;
    }
    let number = this.sources.lastIndexOf(source);
    if (number < 0) number = this.sources.push(source) - 1;
    if (this.runCount === this.source.length) {
      this.source = grown(this.source);
      this.from = grown(this.from);
      this.to = grown(this.to);
    }
    this.source[this.runCount] = number;
    this.from[this.runCount] = row;
    this.to[this.runCount] = row + 1;
    this.runCount++;
  }

  /** The runs of a source, by number. */
  runsOf(source: number): Uint32Array {
    return Uint32Array.from({ length: this.runCount }, (_, run) => run).filter((run) => this.source[run] === source);
  }

  /** Reads what the rows are made of. */
  async load(signal?: AbortSignal): Promise<void> {
    await Promise.all(this.sources.map((source, number) => source.load(this.#rowsOf(number), signal)));
  }

  #rowsOf(source: number): RowRanges {
    const runs = this.runsOf(source);
    return { count: runs.length, from: runs.map((run) => this.from[run]), to: runs.map((run) => this.to[run]) };
  }
}
