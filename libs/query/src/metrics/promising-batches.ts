import type { SpanColumns } from '@vivace/trace';
import type { Batches } from '../load-ahead.ts';
import { mayMatch, requirementOf } from '../requirement.ts';
import type { SelectPlan } from './select-spans.ts';

/** Leaves out batches in which, by dictionaries and bounds, no span can match: they are not loaded. */
export class PromisingBatches {
  /** Read to find out. */
  inspectedBytes = 0;
  readonly #plan: SelectPlan;
  readonly #signal: AbortSignal | undefined;

  constructor(plan: SelectPlan, signal: AbortSignal | undefined) {
    this.#plan = plan;
    this.#signal = signal;
  }

  async *of(batches: Batches): AsyncGenerator<SpanColumns> {
    const requirement = requirementOf(this.#plan);
    for await (const columns of batches) {
      const before = columns.inspectedBytes;
      const isPromising = await mayMatch(requirement, columns, this.#signal);
      this.inspectedBytes += columns.inspectedBytes - before;
      if (isPromising) yield columns;
    }
  }
}
