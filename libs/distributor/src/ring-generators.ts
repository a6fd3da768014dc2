import { AppError } from '@vivace/base';
import type { Logger, MetricsRegistry, RpcMethod, TenantId } from '@vivace/base';
import { DROP, regroup } from '@vivace/otlp';
import type { ScanResult } from '@vivace/otlp';
import { NO_MEMBER } from '@vivace/ring';
import type { RingView } from '@vivace/ring';
import type { RpcChannel } from '@vivace/rpc';
import type { GeneratorPort } from './ports.ts';
import { pushMethod } from './push-method.ts';
import { traceTokens } from './trace-tokens.ts';

const PUSH_SPANS_PATH = '/vivace.v1.MetricsGenerator/PushSpans';
const DONE = new Uint8Array(0);

/** The generator's side of the call by which a distributor in another process gives it spans. */
export function generatorPushMethod(generator: GeneratorPort, logger: Logger): RpcMethod {
  return pushMethod(PUSH_SPANS_PATH, (tenant, bytes, scan) => generator.push(tenant, bytes, scan).then(() => DONE), logger);
}

export interface RingGeneratorsDeps {
  /** The generators of a tenant now; one copy of each span. */
  readonly view: (tenant: TenantId) => RingView;
  readonly channel: (address: string) => Pick<RpcChannel, 'ask'>;
  /** `metrics_generator_client.remote_timeout`: for one generator. */
  readonly timeoutMs: number;
  readonly metrics: MetricsRegistry;
}

/**
 * Sends every span to the one generator that owns its trace, one request each. A request that fails is not tried elsewhere: the generator may have counted its spans,
 * and metrics that lack spans for a moment are better than metrics that have them twice. Rejects when any failed; the others have their spans all the same. Keeps the bytes of a push
 * beyond its end: they must not change.
 */
export function createRingGenerators({ view: viewOf, channel, timeoutMs, metrics }: RingGeneratorsDeps): GeneratorPort {
  const pushes = metrics.counter('tempo_distributor_metrics_generator_pushes_total', 'Requests sent to a metrics-generator.', ['metrics_generator']);
  const failures = metrics.counter('tempo_distributor_metrics_generator_pushes_failures_total', 'Requests to a metrics-generator that failed.', [
    'metrics_generator',
  ]);

  async function send(tenant: TenantId, address: string, bytes: Uint8Array): Promise<void> {
    pushes.with({ metrics_generator: address }).inc();
    try {
      await channel(address).ask(PUSH_SPANS_PATH, bytes, { tenant, timeoutMs });
    } catch (reason) {
      failures.with({ metrics_generator: address }).inc();
      throw reason;
    }
  }

  return {
    async push(tenant, bytes, scan) {
      const view = viewOf(tenant);
      const parts = partsOf(tenant, bytes, scan, view);
      if (parts === undefined) {
        failures.with({ metrics_generator: 'none' }).inc();
        throw new AppError('unavailable', 'no metrics-generator is active and healthy');
      }
      const sent = await Promise.allSettled(view.members.flatMap(({ address }, i) => (parts[i].length > 0 ? [send(tenant, address, parts[i])] : [])));
      const failed = sent.find(({ status }) => status === 'rejected');
      if (failed) throw AppError.from((failed as PromiseRejectedResult).reason);
    },
  };
}

/** The request divided by the members that own its traces; undefined when nobody does. */
function partsOf(tenant: TenantId, bytes: Uint8Array, scan: ScanResult, view: RingView): Uint8Array[] | undefined {
  const groupOf = new Uint32Array(scan.spanCount);
  const tokens = traceTokens(tenant, bytes, scan, groupOf);
  const owners = new Uint16Array(tokens.length);
  view.locate(tokens, tokens.length, owners);
  if (owners.includes(NO_MEMBER)) return undefined;
  for (let i = 0; i < groupOf.length; i++) if (groupOf[i] !== DROP) groupOf[i] = owners[groupOf[i]];
  return regroup(bytes, scan, groupOf, view.members.length);
}
