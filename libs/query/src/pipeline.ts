import type { ScalarExpr, ScalarFilter, SpansetExpr, Stage } from '@vivace/traceql';
import { compileScalarFilter } from './aggregate.ts';
import type { Batch } from './batch.ts';
import { evaluatePredicate } from './evaluate-predicate.ts';
import { coalesce, compileGroupBy } from './group-by.ts';
import { andInto, orInto } from './mask.ts';
import type { Mask } from './mask.ts';
import type { PlannedFilters } from './plan-search.ts';
import { allRows, unionRows } from './spanset.ts';
import type { Spanset, StageFunction } from './spanset.ts';
import { applyStructural } from './structural.ts';

/**
 * A query's stages made ready for one batch. Filters are evaluated over the whole batch at once, when compiled or first needed;
 * what depends on the trace runs trace by trace.
 */
export interface Pipeline {
  /** Spans without which a trace has no result: a trace with none of these set need not be run. */
  readonly candidates: Mask;
  /** Whether `candidates` is the result itself: filters only. Then `run` need not be called. */
  readonly isExact: boolean;
  /** Runs all stages over the spans `[from, to)` of one trace. */
  run(from: number, to: number): readonly Spanset[];
  /** Gives the masks back to the batch. */
  release(): void;
}

export function compilePipeline(stages: readonly Stage[], filters: PlannedFilters, batch: Batch): Pipeline {
  const compiler = new Compiler(filters, batch);
  const candidates = compiler.candidates(stages);
  const isExact = stages.every((stage) => stage.kind === 'filter' || stage.kind === 'select');
  const run = isExact ? undefined : compiler.pipeline(stages);
  return {
    candidates,
    isExact,
    run(from, to) {
      batch.checkpoint();
      const rows: number[] = [];
      for (let row = from; row < to; row++) if (run || candidates.bytes[row] !== 0) rows.push(row);
      if (rows.length === 0) return [];
      const whole: readonly Spanset[] = [{ rows, group: '', attributes: [] }];
      return run ? run(whole) : whole;
    },
    release() {
      compiler.release();
      batch.masks.give(candidates);
    },
  };
}

class Compiler {
  readonly #filters: PlannedFilters;
  readonly #batch: Batch;
  readonly #masks = new Map<Stage, Mask>();

  constructor(filters: PlannedFilters, batch: Batch) {
    this.#filters = filters;
    this.#batch = batch;
  }

  release(): void {
    for (const mask of this.#masks.values()) this.#batch.masks.give(mask);
    this.#masks.clear();
  }

  pipeline(stages: readonly Stage[]): StageFunction {
    const functions = stages.map((stage) => this.#stage(stage));
    return (spansets) => {
      let current = spansets;
      for (const apply of functions) {
        if (current.length === 0) return current;
        current = apply(current);
      }
      return current;
    };
  }

  /** A fresh mask, owned by the caller: spans that may be in the result of `stages` over whole traces, before any is dropped. */
  candidates(stages: readonly Stage[]): Mask {
    const rows = this.#batch.columns.spanCount;
    let out: Mask | undefined;
    for (const stage of stages) {
      if (stage.kind === 'by' || stage.kind === 'coalesce' || stage.kind === 'select') continue;
      const mask = stage.kind === 'scalarFilter' ? this.#compared(stage) : this.#possible(stage);
      if (!mask) continue;
      if (out) {
        andInto(out, mask, rows);
        this.#batch.masks.give(mask);
      } else out = mask;
    }
    if (!out) {
      out = this.#batch.masks.take(rows);
      out.bytes.fill(1, 0, rows);
    }
    return out;
  }

  /** Spans that some scalar pipeline of a comparison may find; undefined when it has none. */
  #compared({ left, right }: ScalarFilter): Mask | undefined {
    let out: Mask | undefined;
    for (const stages of [...pipelinesOf(left), ...pipelinesOf(right)]) {
      const mask = this.candidates(stages);
      if (out) {
        orInto(out, mask, this.#batch.columns.spanCount);
        this.#batch.masks.give(mask);
      } else out = mask;
    }
    return out;
  }

  /** Spans that may be in the result of one spanset expression. */
  #possible(expr: SpansetExpr): Mask {
    const rows = this.#batch.columns.spanCount;
    switch (expr.kind) {
      case 'filter': {
        const copy = this.#batch.masks.take(rows);
        copy.bytes.set(this.#filterMask(expr).bytes.subarray(0, rows));
        return copy;
      }
      case 'pipeline':
        return this.candidates(expr.stages);
      case 'spansetOperation': {
        const right = this.#possible(expr.right);
        if (expr.op !== '&&' && expr.op !== '||' && !expr.op.startsWith('&')) return right;
        const left = this.#possible(expr.left);
        orInto(right, left, rows);
        this.#batch.masks.give(left);
        return right;
      }
    }
  }

  #filterMask(stage: SpansetExpr & { kind: 'filter' }): Mask {
    let mask = this.#masks.get(stage);
    if (!mask) {
      mask = evaluatePredicate(this.#filters.of(stage), this.#batch);
      this.#masks.set(stage, mask);
    }
    return mask;
  }

  #stage(stage: Stage): StageFunction {
    switch (stage.kind) {
      case 'filter': {
        const { bytes } = this.#filterMask(stage);
        return (spansets) => {
          const out: Spanset[] = [];
          for (const { rows, group, attributes } of spansets) {
            const kept = rows.filter((row) => bytes[row] !== 0);
            if (kept.length > 0) out.push({ rows: kept, group, attributes });
          }
          return out;
        };
      }
      case 'spansetOperation':
        return this.#operation(stage);
      case 'pipeline':
        return this.pipeline(stage.stages);
      case 'scalarFilter':
        return compileScalarFilter(stage, this.#batch, this.#filters, (inner) => this.pipeline(inner));
      case 'by':
        return compileGroupBy(stage, this.#batch, this.#filters);
      case 'coalesce':
        return coalesce;
      case 'select':
        return (spansets) => spansets;
    }
  }

  /** Both operands see the same spanset; what they return in several is merged; the result keeps the attributes. */
  #operation(stage: SpansetExpr & { kind: 'spansetOperation' }): StageFunction {
    const left = this.#stage(stage.left);
    const right = this.#stage(stage.right);
    const { op } = stage;
    const combine =
      op === '&&' || op === '||'
        ? (a: readonly Spanset[], b: readonly Spanset[]) => (op === '&&' && (a.length === 0 || b.length === 0) ? [] : unionRows(allRows(a), allRows(b)))
        : (a: readonly Spanset[], b: readonly Spanset[]) => applyStructural(op, allRows(a), allRows(b), this.#batch.columns.nestedSets());
    return (spansets) => {
      const out: Spanset[] = [];
      for (const spanset of spansets) {
        const rows = combine(left([spanset]), right([spanset]));
        if (rows.length > 0) out.push({ rows, group: spanset.group, attributes: spanset.attributes });
      }
      return out;
    };
  }
}

function pipelinesOf(scalar: ScalarExpr): readonly (readonly Stage[])[] {
  if (scalar.kind === 'scalarOperation') return [...pipelinesOf(scalar.left), ...pipelinesOf(scalar.right)];
  return scalar.kind === 'scalarPipeline' ? [scalar.stages] : [];
}
