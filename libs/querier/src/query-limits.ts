import { AppError } from '@vivace/base';

/** What one query may read; 0 is no limit. */
export interface QueryLimits {
  /** `querier.max_bytes_per_query` */
  readonly maxBytes: number;
  /** `querier.max_spans_per_query` */
  readonly maxSpans: number;
  /** `querier.search.max_groups`: span sets of a trace that `by()` makes. */
  readonly maxGroups: number;
}

/** What a job read. */
export interface Inspected {
  readonly inspectedBytes: number;
  readonly inspectedSpans?: number;
}

/** Counts what the jobs of a query read. Throws `invalid_argument` when that is more than it may: asking again will not help. */
export class QueryBudget {
  readonly #limits: QueryLimits;
  #bytes = 0;
  #spans = 0;

  constructor(limits: QueryLimits) {
    this.#limits = limits;
  }

  spend({ inspectedBytes, inspectedSpans = 0 }: Inspected): void {
    this.#bytes += inspectedBytes;
    this.#spans += inspectedSpans;
    const { maxBytes, maxSpans } = this.#limits;
    if (maxBytes > 0 && this.#bytes > maxBytes) throw tooMuch(`${this.#bytes} bytes`, maxBytes, 'querier.max_bytes_per_query');
    if (maxSpans > 0 && this.#spans > maxSpans) throw tooMuch(`${this.#spans} spans`, maxSpans, 'querier.max_spans_per_query');
  }
}

function tooMuch(read: string, limit: number, key: string): AppError {
  return new AppError('invalid_argument', `query read ${read}, the limit is ${limit} (${key}): ask for a shorter range, or for less in it`);
}
