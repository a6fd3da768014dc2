import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@vivace/base';
import { createReplicatedIngester, createRingGenerators } from '@vivace/distributor';
import type { GeneratorForwarder, GeneratorPort } from '@vivace/distributor';
import type { RpcServer, Service } from '@vivace/nest';
import type { Cluster } from '../cluster.ts';
import type { Overrides } from '../overrides.ts';
import * as part from '../providers.ts';
import type { Receivers } from '../receivers.ts';
import type { Runtime } from '../runtime.ts';
import { createShardSizes } from '../shard-sizes.ts';
import { forwarderService, rpcService } from '../services.ts';
import { CLUSTER, FORWARDER, OVERRIDES, RECEIVERS, RPC_SERVER, RUNTIME } from '../tokens.ts';
import { base, cluster, noMethods, showClients } from './role.ts';
import type { Role } from './role.ts';

const REPLICAS: unique symbol = Symbol('REPLICAS');
const GENERATORS: unique symbol = Symbol('GENERATORS');

export const distributorRole: Role = {
  providers: [
    ...base,
    ...cluster,
    {
      provide: REPLICAS,
      inject: [RUNTIME, CLUSTER, OVERRIDES],
      async useFactory(runtime: Runtime, { ingesters, channels }: Cluster, overrides: Overrides) {
        const settings = runtime.config.cluster.ingesters;
        const ways = await channels(settings.client);
        showClients(runtime, 'tempo_distributor_ingester_clients', ingesters, ways);
        const sizes = createShardSizes(runtime, overrides, 0);
        return createReplicatedIngester({
          view: (tenant) => ingesters.shard(tenant, sizes.forWrite(tenant)),
          channel: ways.to,
          timeoutMs: settings.timeoutMs,
          maxPendingBytes: settings.maxPendingBytes,
          clock: runtime.clock,
          logger: runtime.logger,
          metrics: runtime.metrics,
        });
      },
    },
    {
      provide: GENERATORS,
      inject: [RUNTIME, CLUSTER, OVERRIDES],
      async useFactory(runtime: Runtime, { generators, channels }: Cluster, overrides: Overrides): Promise<GeneratorPort> {
        const settings = runtime.config.cluster.metricsGenerators;
        const ways = await channels(settings.client);
        showClients(runtime, 'tempo_distributor_metrics_generator_clients', generators, ways);
        return createRingGenerators({
          view: (tenant) => generators.shard(tenant, overrides.limits(tenant).metricsGenerator.ringSize),
          channel: ways.to,
          timeoutMs: settings.timeoutMs,
          metrics: runtime.metrics,
        });
      },
    },
    part.forwarder(GENERATORS),
    part.distributor(REPLICAS, CLUSTER),
    part.receivers,
    part.noQueryApi,
    noMethods,
    part.plainAdmin,
  ],
  alive: [OVERRIDES, CLUSTER, FORWARDER, RPC_SERVER, RECEIVERS],
  services: (runtime: Runtime, overrides: Overrides, cluster: Cluster, forwarder: GeneratorForwarder, rpc: RpcServer, receivers: Receivers) => [
    overrides,
    cluster.service,
    forwarderService(runtime, forwarder),
    rpcService(rpc),
    enoughIngesters(cluster, runtime.logger),
    cluster.distributor(),
    receivers,
  ],
};

const INGESTERS_WAIT_MS = 10_000;

/** A distributor takes spans once it has heard of enough ingesters; after a while in any case, and asks its senders to come back: they see that it is there. */
function enoughIngesters({ ingesters }: Cluster, logger: Logger): Service {
  return {
    name: 'ingesters-known',
    async start(signal) {
      const view = () => ingesters.view();
      const isEnough = (): boolean => view().active >= view().quorum;
      for (let waitedMs = 0; !isEnough() && waitedMs < INGESTERS_WAIT_MS && !signal.aborted; waitedMs += 100)
        await delay(100, undefined, { signal }).catch(() => undefined);
      if (!isEnough()) logger.warn('too few ingesters are known, spans will be refused', { want: view().quorum });
    },
    stop: async () => undefined,
  };
}
