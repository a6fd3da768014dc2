import type { GrpcClientConfig, IngesterRingConfig, MemberlistConfig } from './config.ts';
import type { Problem } from './problem.ts';
import type { Values } from './schema/root.ts';
import { toGrpcClient } from './to-tls.ts';

export function toIngesterRing({ ingester: { lifecycler }, memberlist }: Values): IngesterRingConfig {
  return {
    heartbeatTimeoutMs: lifecycler.ring.heartbeat_timeout,
    heartbeatPeriodMs: lifecycler.heartbeat_period,
    leftTimeoutMs: memberlist.left_ingesters_timeout,
    tokenCount: lifecycler.num_tokens,
    tokensFile: lifecycler.tokens_file_path,
    joinAfterMs: lifecycler.join_after,
    observePeriodMs: lifecycler.observe_period,
    zone: lifecycler.availability_zone,
    unregisterOnShutdown: lifecycler.unregister_on_shutdown,
    instanceId: lifecycler.id,
  };
}

export function toMemberlist(values: Values['memberlist'], problems: Problem[]): MemberlistConfig {
  return {
    nodeName: values.node_name,
    randomizeNodeName: values.randomize_node_name,
    clusterLabel: values.cluster_label,
    verifyClusterLabel: !values.cluster_label_verification_disabled,
    secretKeys: toKeys(values.secret_key.reveal(), problems),
    bindHost: values.bind_addr[0] ?? '',
    bindPort: values.bind_port,
    advertiseHost: values.advertise_addr,
    advertisePort: values.advertise_port,
    joinMembers: values.join_members,
    rejoinSeedNodes: values.rejoin_seed_nodes,
    minJoinBackoffMs: values.min_join_backoff,
    maxJoinBackoffMs: values.max_join_backoff,
    maxJoinRetries: values.max_join_retries,
    abortIfJoinFails: values.abort_if_cluster_join_fails,
    abortIfFastJoinFails: values.abort_if_cluster_fast_join_fails,
    fastJoinMinNodes: values.abort_if_cluster_fast_join_fails_min_nodes,
    rejoinIntervalMs: values.rejoin_interval,
    gossipIntervalMs: values.gossip_interval,
    gossipNodes: values.gossip_nodes,
    gossipToDeadMs: values.gossip_to_dead_nodes_time,
    deadNodeReclaimMs: values.dead_node_reclaim_time,
    retransmitFactor: values.retransmit_factor,
    pushPullIntervalMs: values.pull_push_interval,
    streamTimeoutMs: values.stream_timeout,
    dialTimeoutMs: values.packet_dial_timeout,
    maxConcurrentStreams: values.max_concurrent_writes,
    leaveTimeoutMs: values.leave_timeout,
    flushTimeoutMs: values.broadcast_timeout_for_local_updates_on_shutdown,
  };
}

const KEY_BYTES = 32;

function toKeys(text: string, problems: Problem[]): Uint8Array[] {
  if (text.trim() === '') return [];
  const keys = text.split(',').map(fromBase64);
  if (keys.some((key) => key?.length !== KEY_BYTES))
    problems.push({
      where: '',
      path: 'memberlist.secret_key',
      message: `has a key that is not ${KEY_BYTES} bytes in base64, as "openssl rand -base64 32" makes them`,
    });
  return keys.filter((key) => key !== undefined);
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text.trim()), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** This process in a ring of its kind. */
export interface RingMemberConfig {
  readonly heartbeatPeriodMs: number;
  readonly heartbeatTimeoutMs: number;
  /** Empty is the host name. */
  readonly instanceId: string;
  /** As others reach it; empty is found from the interfaces. */
  readonly address: string;
  /** 0 is the gRPC port. */
  readonly port: number;
  readonly interfaceNames: readonly string[];
  readonly ipv6: boolean;
}

/** What processes need that are not alone. */
export interface ClusterConfig {
  readonly ingesters: {
    readonly replicationFactor: number;
    readonly zoneAware: boolean;
    readonly excludedZones: readonly string[];
    readonly extendWrites: boolean;
    /** Of this ingester, as others reach it; empty is found from the interfaces. */
    readonly address: string;
    /** 0 is the gRPC port. */
    readonly port: number;
    readonly interfaceNames: readonly string[];
    readonly ipv6: boolean;
    /** How long an ingester is not ready after its start. */
    readonly minReadyMs: number;
    /** How long spans of a stored block can be asked for, until every frontend has polled it. */
    readonly keepFlushedMs: number;
    /** For one call. */
    readonly timeoutMs: number;
    readonly maxPendingBytes: number;
    readonly client: GrpcClientConfig;
  };
  readonly compactors: RingMemberConfig & {
    /** False: one compactor owns everything. */
    readonly hasRing: boolean;
    /** How long its ring must be unchanged after the start before blocks are merged, and the longest wait for that. */
    readonly stability: { readonly minMs: number; readonly maxMs: number };
  };
  readonly distributors: RingMemberConfig & {
    /** False: each knows of itself only. */
    readonly hasRing: boolean;
    /** The ingestion rates hold for all of them together. */
    readonly shareRates: boolean;
  };
  readonly metricsGenerators: RingMemberConfig & {
    readonly zone: string;
    /** For one call. */
    readonly timeoutMs: number;
    /** Of a distributor, to all of them. */
    readonly maxPendingBytes: number;
    readonly client: GrpcClientConfig;
  };
  readonly frontendWorker: {
    /** `host:port`; the host may stand for several. */
    readonly address: string;
    readonly lookupMs: number;
    /** Parts taken of each frontend at a time; undefined: `querier.maxConcurrentQueries` of all together. */
    readonly parallelism: number | undefined;
    /** Empty is the host name. */
    readonly id: string;
    readonly client: GrpcClientConfig;
  };
  readonly shards: {
    /** Queriers ask only the ingesters of a tenant. */
    readonly areAsked: boolean;
    readonly lookbackMs: number;
    /** From a change of a size to the first write that follows it. */
    readonly delayMs: number;
  };
  readonly maxRetries: number;
}

export function toCluster(
  { distributor, ingester, ingester_client, compactor, querier, query_frontend, metrics_generator, overrides, metrics_generator_client }: Values,
  problems: Problem[],
): ClusterConfig {
  const { lifecycler } = ingester;
  const { ring } = compactor;
  return {
    ingesters: {
      replicationFactor: lifecycler.ring.replication_factor,
      zoneAware: lifecycler.ring.zone_awareness_enabled,
      extendWrites: distributor.extend_writes,
      excludedZones: lifecycler.ring.excluded_zones
        .split(',')
        .map((zone) => zone.trim())
        .filter((zone) => zone !== ''),
      address: lifecycler.address,
      port: lifecycler.port,
      interfaceNames: lifecycler.interface_names,
      ipv6: lifecycler.enable_inet6,
      minReadyMs: lifecycler.min_ready_duration,
      keepFlushedMs: ingester.complete_block_timeout,
      timeoutMs: ingester_client.remote_timeout,
      maxPendingBytes: ingester_client.max_pending_bytes,
      client: toGrpcClient(ingester_client.grpc_client_config, 'ingester_client.grpc_client_config', problems),
    },
    compactors: {
      ...toRingMember(ring),
      hasRing: ring.kvstore.store !== '' && ring.kvstore.store !== 'inmemory',
      stability: { minMs: ring.wait_stability_min_duration, maxMs: ring.wait_stability_max_duration },
    },
    distributors: {
      ...toRingMember(distributor.ring),
      hasRing: distributor.ring.kvstore.store === 'memberlist',
      shareRates: overrides.defaults.ingestion.rate_strategy === 'global',
    },
    metricsGenerators: {
      ...toRingMember(metrics_generator.ring),
      zone: metrics_generator.ring.instance_zone,
      timeoutMs: metrics_generator_client.remote_timeout,
      maxPendingBytes: metrics_generator_client.max_pending_bytes,
      client: toGrpcClient(metrics_generator_client.grpc_client_config, 'metrics_generator_client.grpc_client_config', problems),
    },
    frontendWorker: {
      address: querier.frontend_worker.frontend_address,
      lookupMs: querier.frontend_worker.dns_lookup_duration,
      parallelism: querier.frontend_worker.match_max_concurrent ? undefined : querier.frontend_worker.parallelism,
      id: querier.frontend_worker.id,
      client: toGrpcClient(querier.frontend_worker.grpc_client_config, 'querier.frontend_worker.grpc_client_config', problems),
    },
    shards: {
      areAsked: querier.shuffle_sharding_ingesters_enabled,
      lookbackMs: querier.shuffle_sharding_ingesters_lookback_period,
      delayMs: distributor.tenant_shard_size_delay,
    },
    maxRetries: query_frontend.max_retries,
  };
}

function toRingMember(ring: Values['compactor']['ring'] | Values['distributor']['ring'] | Values['metrics_generator']['ring']): RingMemberConfig {
  return {
    heartbeatPeriodMs: ring.heartbeat_period,
    heartbeatTimeoutMs: ring.heartbeat_timeout,
    instanceId: ring.instance_id,
    address: ring.instance_addr,
    port: ring.instance_port,
    interfaceNames: ring.instance_interface_names,
    ipv6: ring.enable_inet6,
  };
}
