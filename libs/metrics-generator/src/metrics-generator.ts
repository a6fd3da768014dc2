import { setImmediate } from 'node:timers/promises';
import { AppError, TenantQueues } from '@vivace/base';
import type { Clock, Logger, MetricsRegistry, TenantId, Timers } from '@vivace/base';
import { decodeInto, regroup, selectByEnd } from '@vivace/otlp';
import type { ScanResult } from '@vivace/otlp';
import { SpanTable } from '@vivace/trace';
import { ALL_PROCESSORS, createGeneratorMetrics } from './generator-metrics.ts';
import type { GeneratorMetrics } from './generator-metrics.ts';
import type { GeneratorLimits } from './ports.ts';
import type { ProcessorFactory } from './span-processor.ts';
import { TenantProcessors } from './tenant-processors.ts';

export interface MetricsGeneratorDeps {
  /** The kinds of processors there are. */
  readonly factories: readonly ProcessorFactory[];
  readonly limits: (tenant: TenantId) => GeneratorLimits;
  /** `metrics_generator.max_pending_bytes`: of requests that wait for processors or are worked on. */
  readonly maxPendingBytes: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** Receives spans, and gives those that ended in time to the processors of their tenant. */
export interface MetricsGenerator {
  /**
   * Resolves when the good spans of `bytes` were counted and, for a tenant with processors, queued. `scan` is of `bytes`; both are borrowed until then. Rejects with an
   * AppError `resource_exhausted` when the queue is full: the spans were counted, and discarded.
   */
  push(tenant: TenantId, bytes: Uint8Array, scan: ScanResult): Promise<void>;
  /** Begins to follow changes of limits. */
  start(): void;
  /** Works off the queue, then stops the processors; hurries when `signal` aborts. */
  stop(signal: AbortSignal): Promise<void>;
}

export function createMetricsGenerator(deps: MetricsGeneratorDeps): MetricsGenerator {
  return new QueueingGenerator(deps);
}

/** A span may claim to end so far in the future, as in Tempo. */
const MAX_AHEAD_MS = 5 * 86_400_000;
/** How often processors are compared with limits, as in Tempo. */
const FOLLOW_MS = 10_000;
/** Requests are worked on one after another: processors see a tenant's spans in order. */
const QUEUE = { maxWaiting: 1_000, workers: 1 };
/** Tables kept for the next request. */
const MAX_IDLE_TABLES = 2;
/** A table that grew beyond this is not kept. */
const MAX_IDLE_BYTES = 64 * 1024 * 1024;

class QueueingGenerator implements MetricsGenerator {
  readonly #deps: MetricsGeneratorDeps;
  readonly #metrics: GeneratorMetrics;
  /** Of tenants that have any. */
  readonly #processors = new Map<TenantId, TenantProcessors>();
  readonly #queues: TenantQueues<Uint8Array>;
  readonly #idleTables: SpanTable[] = [];
  readonly #decodeStats = { cutStrings: 0 };
  #groups = new Uint32Array(1024);
  #cancelFollow: (() => void) | undefined;

  constructor(deps: MetricsGeneratorDeps) {
    this.#deps = deps;
    this.#metrics = createGeneratorMetrics(deps.metrics);
    this.#queues = new TenantQueues({
      maxBytes: deps.maxPendingBytes,
      work: (tenant, bytes) => this.#work(tenant, bytes),
      onLength: (tenant, waiting) => this.#metrics.queueLength.with({ tenant }).set(waiting),
    });
  }

  async push(tenant: TenantId, bytes: Uint8Array, scan: ScanResult): Promise<void> {
    const { clock, maxPendingBytes } = this.#deps;
    const limits = this.#deps.limits(tenant);
    const good = scan.spanCount - scan.refusedCount;
    this.#metrics.receivedBytes.with({ tenant }).inc(bytes.length);
    this.#metrics.receivedSpans.with({ tenant }).inc(good);
    if (this.#groups.length < scan.spanCount) this.#groups = new Uint32Array(scan.spanCount * 2);
    const nowMs = clock.now();
    const untimely = selectByEnd(bytes, scan, nowMs - limits.slackMs, nowMs + MAX_AHEAD_MS, this.#groups);
    if (untimely > 0) this.#discard(tenant, 'outside_metrics_ingestion_slack', untimely);
    if (good === untimely || !this.#follow(tenant, limits.processors)) return;
    if (this.#queues.offer(tenant, bytes.length, QUEUE, () => chosenSpans(bytes, scan, this.#groups))) return;
    this.#discard(tenant, 'queue_full', good - untimely);
    throw new AppError(
      'resource_exhausted',
      `metrics-generator: processors of tenant ${tenant} fall behind, limits ${QUEUE.maxWaiting} requests, metrics_generator.max_pending_bytes ${maxPendingBytes}`,
    );
  }

  start(): void {
    this.#cancelFollow = this.#deps.timers.after(FOLLOW_MS, () => {
      for (const tenant of this.#processors.keys()) this.#follow(tenant, this.#deps.limits(tenant).processors);
      this.start();
    });
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#cancelFollow?.();
    const dropped = await this.#queues.drain(signal);
    if (dropped > 0) this.#deps.logger.warn('stopped before processors had all spans', { requests: dropped });
    await Promise.all([...this.#processors.values()].map((processors) => processors.use([], signal)));
    this.#processors.clear();
  }

  /** Whether the tenant has processors, of these names. */
  #follow(tenant: TenantId, names: readonly string[]): boolean {
    let processors = this.#processors.get(tenant);
    if (!processors) {
      if (!this.#deps.factories.some(({ name }) => names.includes(name))) return false;
      const { factories, logger } = this.#deps;
      processors = new TenantProcessors(tenant, { factories, logger, metrics: this.#metrics });
      this.#processors.set(tenant, processors);
    }
    void processors.use(names, NEVER);
    if (processors.size === 0) this.#processors.delete(tenant);
    return processors.size > 0;
  }

  async #work(tenant: TenantId, bytes: Uint8Array): Promise<void> {
    // Whoever sent the spans gets the answer first.
    await setImmediate();
    const processors = this.#processors.get(tenant);
    if (!processors) return;
    const table = this.#idleTables.pop() ?? new SpanTable();
    decodeInto(bytes, table, { maxAttributeBytes: this.#deps.limits(tenant).maxAttributeBytes }, this.#decodeStats);
    await processors.push(table);
    if (this.#idleTables.length === MAX_IDLE_TABLES || table.usedBytes() > MAX_IDLE_BYTES) return;
    table.clear();
    this.#idleTables.push(table);
  }

  #discard(tenant: TenantId, reason: string, spans: number): void {
    this.#metrics.discardedSpans.with({ tenant, reason, processor: ALL_PROCESSORS }).inc(spans);
  }
}

/** Those of group 0, in memory of their own. */
function chosenSpans(bytes: Uint8Array, scan: ScanResult, groups: Uint32Array): Uint8Array {
  const [chosen] = regroup(bytes, scan, groups, 1);
  return chosen === bytes ? new Uint8Array(bytes) : chosen;
}

const NEVER = new AbortController().signal;
