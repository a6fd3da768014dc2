import { setImmediate } from 'node:timers/promises';
import { AppError, Seldom, TenantQueues } from '@vivace/base';
import type { Clock, Logger, MetricsRegistry, TenantId } from '@vivace/base';
import type { ScanResult } from '@vivace/otlp';
import type { ForwardLimits, GeneratorPort } from './ports.ts';

export interface GeneratorForwarderDeps {
  readonly generators: GeneratorPort;
  /** Undefined for a tenant of whose spans no metrics are made. */
  readonly limits: (tenant: TenantId) => ForwardLimits | undefined;
  /** `metrics_generator_client.max_pending_bytes`: waiting and under way, of all tenants. */
  readonly maxPendingBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** Gives metrics-generators a copy of what was acknowledged, later and as far as it can: senders never wait for it and are told nothing. */
export interface GeneratorForwarder {
  /** Takes the good spans of a push for later. What does not fit is counted and let go. Copies what it keeps; a tenant without processors costs a look at its limits. */
  offer(tenant: TenantId, bytes: Uint8Array, scan: ScanResult): void;
  /** Resolves when everything was sent, or `signal` aborted. */
  stop(signal: AbortSignal): Promise<void>;
}

/** A request with its scan, both for keeps. */
interface Waiting {
  readonly bytes: Uint8Array;
  readonly scan: ScanResult;
}

/** `name` of the metrics of queues, as in Tempo. */
const NAME = 'metrics-generator';

export function createGeneratorForwarder({ generators, limits, maxPendingBytes, clock, logger, metrics }: GeneratorForwarderDeps): GeneratorForwarder {
  const length = metrics.gauge('tempo_distributor_queue_length', 'Requests of a tenant that wait.', ['name', 'tenant']);
  const queued = metrics.counter('tempo_distributor_queue_pushes_total', 'Requests put into the queue of a tenant.', ['name', 'tenant']);
  const full = metrics.counter('tempo_distributor_queue_pushes_failures_total', 'Requests that the queue of a tenant had no room for.', ['name', 'tenant']);
  const forwarded = metrics.counter('tempo_distributor_forwarder_pushes_total', 'As tempo_distributor_queue_pushes_total.', ['tenant']);
  const refused = metrics.counter('tempo_distributor_forwarder_pushes_failures_total', 'As tempo_distributor_queue_pushes_failures_total.', ['tenant']);
  const seldom = new Seldom(clock);

  function lost(tenant: TenantId, why: string): void {
    const requests = seldom.times('lost');
    if (requests > 0) logger.warn('spans did not reach a metrics-generator, metrics lack them', { requests, tenant, why });
  }

  async function work(tenant: TenantId, { bytes, scan }: Waiting): Promise<void> {
    // Whoever sent the spans gets the answer first.
    await setImmediate();
    try {
      await generators.push(tenant, bytes, scan);
    } catch (reason) {
      lost(tenant, AppError.from(reason).message);
    }
  }

  const queues = new TenantQueues<Waiting>({
    maxBytes: maxPendingBytes,
    work,
    onLength: (tenant, waiting) => length.with({ name: NAME, tenant }).set(waiting),
  });
  return {
    offer(tenant, bytes, scan) {
      const bounds = limits(tenant);
      if (bounds === undefined) return;
      const isTaken = queues.offer(tenant, bytes.length + scan.copyBytes, bounds, () => ({ bytes: new Uint8Array(bytes), scan: scan.copy() }));
      (isTaken ? queued : full).with({ name: NAME, tenant }).inc();
      (isTaken ? forwarded : refused).with({ tenant }).inc();
      if (!isTaken)
        lost(
          tenant,
          `queue is full, limits metrics_generator.forwarder.queue_size ${bounds.maxWaiting}, metrics_generator_client.max_pending_bytes ${maxPendingBytes}`,
        );
    },
    async stop(signal) {
      const dropped = await queues.drain(signal);
      if (dropped > 0) logger.warn('stopped before all spans had reached a metrics-generator', { requests: dropped });
    },
  };
}
