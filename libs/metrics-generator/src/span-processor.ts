import type { TenantId } from '@vivace/base';
import type { SpanTable } from '@vivace/trace';

/** Makes something of the spans of one tenant: series, edges, blocks. */
export interface SpanProcessor {
  /**
   * Takes all rows of `spans`, in order of arrival: the good spans of one request that ended in time. It may read them until the promise settles, and is not called
   * again before. One that throws or rejects has missed these spans; other processors get them all the same.
   */
  push(spans: SpanTable): void | Promise<void>;
  /** No spans come any more: hands on what it holds back, as far as it gets until `signal` aborts. Called once, after the last `push`
   * settled unless `signal` has aborted already. */
  stop(signal: AbortSignal): Promise<void>;
}

/** A kind of processor. */
export interface ProcessorFactory {
  /** As in `overrides.*.metrics_generator.processors`. */
  readonly name: string;
  create(tenant: TenantId): SpanProcessor;
}
