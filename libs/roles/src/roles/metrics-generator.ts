import type { RpcMethod } from '@vivace/base';
import { generatorPushMethod } from '@vivace/distributor';
import type { MetricsGenerator } from '@vivace/metrics-generator';
import type { RpcServer } from '@vivace/nest';
import type { Cluster } from '../cluster.ts';
import type { Overrides } from '../overrides.ts';
import * as part from '../providers.ts';
import type { Runtime } from '../runtime.ts';
import { generatorService, rpcService } from '../services.ts';
import { CLUSTER, METRICS_GENERATOR, OVERRIDES, RPC_METHODS, RPC_SERVER, RUNTIME } from '../tokens.ts';
import { base, cluster } from './role.ts';
import type { Role } from './role.ts';

export const metricsGeneratorRole: Role = {
  providers: [
    ...base,
    ...cluster,
    part.metricsGenerator,
    {
      provide: RPC_METHODS,
      inject: [RUNTIME, METRICS_GENERATOR],
      useFactory: ({ logger }: Runtime, generator: MetricsGenerator): RpcMethod[] => [generatorPushMethod(generator, logger)],
    },
    part.noQueryApi,
    part.plainAdmin,
  ],
  alive: [OVERRIDES, CLUSTER, METRICS_GENERATOR, RPC_SERVER],
  services: (runtime: Runtime, overrides: Overrides, cluster: Cluster, generator: MetricsGenerator, rpc: RpcServer) => [
    overrides,
    cluster.service,
    generatorService(runtime, generator),
    rpcService(rpc),
    cluster.metricsGenerator(),
  ],
};
