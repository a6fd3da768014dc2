import type { BlockList } from '@vivace/blocklist';
import type { Compactor } from '@vivace/compactor';
import type { RpcServer } from '@vivace/nest';
import type { ObjectStore } from '@vivace/object-store';
import { buildsIndex } from '../builds-index.ts';
import type { Cluster } from '../cluster.ts';
import { createCompaction } from '../compaction.ts';
import type { Overrides } from '../overrides.ts';
import * as part from '../providers.ts';
import type { Runtime } from '../runtime.ts';
import { blockListService, rpcService } from '../services.ts';
import { BLOCK_LIST, CLUSTER, COMPACTOR, OVERRIDES, RPC_SERVER, RUNTIME, STORE } from '../tokens.ts';
import { base, cluster, noMethods } from './role.ts';
import type { Role } from './role.ts';
import { compactorService } from '../services.ts';

export const compactorRole: Role = {
  providers: [
    ...base,
    ...cluster,
    part.store,
    part.blockList([RUNTIME, CLUSTER], ({ config }: Runtime, { ownsCompaction }: Cluster) =>
      buildsIndex(config.storage.blocklist.indexBuilders, ownsCompaction),
    ),
    {
      provide: COMPACTOR,
      inject: [RUNTIME, STORE, BLOCK_LIST, OVERRIDES, CLUSTER],
      useFactory(runtime: Runtime, store: ObjectStore, blocks: BlockList, overrides: Overrides, { areCompactorsStable, ownsCompaction }: Cluster) {
        const { config, logger } = runtime;
        if (!config.cluster.compactors.hasRing)
          logger.warn('this compactor takes every job', {
            explain: 'another one beside it would merge the same blocks again: set compactor.ring.kvstore.store: memberlist for both',
          });
        return createCompaction(runtime, store, blocks, overrides, (name) => areCompactorsStable() && ownsCompaction(name));
      },
    },
    part.noQueryApi,
    noMethods,
    part.plainAdmin,
  ],
  alive: [OVERRIDES, CLUSTER, RPC_SERVER, BLOCK_LIST, COMPACTOR],
  services: (_runtime: Runtime, overrides: Overrides, cluster: Cluster, rpc: RpcServer, blocks: BlockList, compactor: Compactor) => [
    overrides,
    cluster.service,
    rpcService(rpc),
    cluster.compactor(),
    blockListService(blocks),
    compactorService(compactor),
  ],
};
