import type { Logger, TenantId } from '@vivace/base';
import type { SpanTable } from '@vivace/trace';
import type { GeneratorMetrics } from './generator-metrics.ts';
import type { ProcessorFactory, SpanProcessor } from './span-processor.ts';

export interface TenantProcessorsDeps {
  readonly factories: readonly ProcessorFactory[];
  readonly logger: Logger;
  readonly metrics: GeneratorMetrics;
}

/** The processors at work for one tenant. */
export class TenantProcessors {
  readonly #tenant: TenantId;
  readonly #deps: TenantProcessorsDeps;
  readonly #active = new Map<string, SpanProcessor>();
  /** Settles when nobody has spans under way. */
  #pushed: Promise<unknown> = Promise.resolve();

  constructor(tenant: TenantId, deps: TenantProcessorsDeps) {
    this.#tenant = tenant;
    this.#deps = deps;
  }

  get size(): number {
    return this.#active.size;
  }

  /** Starts those of `names` that can be made and are not at work, stops the others. Resolves when they have stopped; `signal` hurries them. */
  async use(names: readonly string[], signal: AbortSignal): Promise<void> {
    const { factories, metrics, logger } = this.#deps;
    const tenant = this.#tenant;
    const ending: Promise<void>[] = [];
    for (const factory of factories) {
      const { name } = factory;
      const processor = this.#active.get(name);
      const isWanted = names.includes(name);
      if (isWanted === (processor !== undefined)) continue;
      if (processor) {
        this.#active.delete(name);
        // Where there is no time, it stops with spans under way.
        const stopped = (signal.aborted ? Promise.resolve() : this.#pushed).then(() => processor.stop(signal));
        ending.push(stopped.catch((reason: unknown) => logger.error('a processor failed to stop', { tenant, processor: name, err: reason })));
      } else this.#active.set(name, factory.create(tenant));
      metrics.activeProcessors.with({ tenant, processor: name }).set(isWanted ? 1 : 0);
    }
    await Promise.all(ending);
  }

  /** Resolves when every processor is done with `spans`; one call at a time. What fails is logged and counted. */
  async push(spans: SpanTable): Promise<void> {
    this.#pushed = Promise.all([...this.#active].map(([name, processor]) => this.#give(name, processor, spans)));
    await this.#pushed;
  }

  async #give(name: string, processor: SpanProcessor, spans: SpanTable): Promise<void> {
    const { metrics, logger } = this.#deps;
    try {
      await processor.push(spans);
    } catch (reason) {
      logger.error('a processor failed on spans', { tenant: this.#tenant, processor: name, err: reason });
      metrics.discardedSpans.with({ tenant: this.#tenant, reason: 'processor_failed', processor: name }).inc(spans.spanCount);
    }
  }
}
