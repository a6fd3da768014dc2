import type { Provider } from '@nestjs/common';
import type { RpcMethod } from '@vivace/base';
import type { Service } from '@vivace/nest';
import type { Ring } from '@vivace/ring';
import type { Channels } from '../channels.ts';
import type { Cluster } from '../cluster.ts';
import { createCluster } from '../cluster.ts';
import * as part from '../providers.ts';
import type { Runtime } from '../runtime.ts';
import { CLUSTER, PAGES, RPC_METHODS, RUNTIME } from '../tokens.ts';

export interface Role {
  readonly providers: readonly Provider[];
  /** Tokens of the parts that `services` gets. */
  readonly alive: readonly symbol[];
  /** Each after what it uses; they stop in reverse. */
  readonly services: (runtime: Runtime, ...parts: never[]) => readonly Service[];
}

export const base: readonly Provider[] = [part.overrides, part.rpcServer, ...part.statusPages];
export const cluster: readonly Provider[] = [
  { provide: CLUSTER, inject: [RUNTIME], useFactory: createCluster },
  { provide: PAGES, inject: [CLUSTER], useFactory: ({ pages }: Cluster) => pages },
];
export const noMethods: Provider = { provide: RPC_METHODS, useValue: [] satisfies RpcMethod[] };
export const noPages: Provider = { provide: PAGES, useValue: [] };

/** Results of parts of queries: a trace may be this large. */
export const MAX_RESULT_BYTES = 256 * 1024 * 1024;

/** A gauge of the processes of a ring that this one has connected to. */
export function showClients({ metrics }: Runtime, name: string, ring: Ring, channels: Channels): void {
  const clients = metrics.gauge(name, 'Processes of a ring that this one has connected to.');
  metrics.onCollect(() => clients.set(ring.view().members.filter(({ address }) => channels.has(address)).length));
}
