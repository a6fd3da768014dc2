import { randomInt } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import type { AppError } from '@vivace/base';
import type { GrpcClientConfig } from '@vivace/config';
import { advertisedHost, membershipPage, registerMembershipMetrics, startMembership } from '@vivace/membership';
import type { Membership } from '@vivace/membership';
import type { Page, Service } from '@vivace/nest';
import { Lifecycler, nameToken, registerMemberMetrics, registerRingMetrics, Ring, ringPage, RingStability } from '@vivace/ring';
import type { RingPageRequest } from '@vivace/ring';
import { openChannels } from './channels.ts';
import type { Channels } from './channels.ts';
import type { Runtime } from './runtime.ts';
import { systemTimers } from './system-timers.ts';
import { loadTokens, saveTokens } from './tokens-file.ts';

/** What a process knows of the others. */
export interface Cluster {
  readonly ingesters: Ring;
  readonly compactors: Ring;
  readonly generators: Ring;
  readonly pages: readonly Page[];
  /** Gossip: starts before what needs the rings, ends after it. */
  readonly service: Service;
  /** This process as an ingester: joins when started, leaves when stopped. */
  ingester(): Service;
  compactor(): Service;
  metricsGenerator(): Service;
  /** Joins nothing when nobody wants to know how many distributors there are. */
  distributor(): Service;
  /** Distributors among which an ingestion rate is divided, 1 or more. */
  rateSharedBy(): number;
  /** Whether this compactor owns something that has a name. */
  ownsCompaction(name: string): boolean;
  /** Whether compactors have ceased to come and go, so that what they own stays theirs. */
  areCompactorsStable(): boolean;
  /** Ways to the processes that `client` is about; they are closed when gossip has ended. Throws `failed_precondition` for certificates that cannot be used. */
  channels(client: GrpcClientConfig): Promise<Channels>;
}

/** A member silent for so many heartbeat time-outs is forgotten. */
const FORGET_AFTER_TIMEOUTS = 2;
const COMPACTOR_TOKENS = 128;
/** As many as in Tempo. */
export const GENERATOR_TOKENS = 256;
/** What ingesters say to each other and to distributors about themselves has reached everybody in this time. */
const LEAVE_SPREADS_MS = 1_500;
/** Members that others stand in for longer than this are known to have been away. */
const UPKEEP_MS = 1_000;

export function createCluster(runtime: Runtime): Cluster {
  const { config, clock, logger, metrics, shutdown } = runtime;
  const { ingesterRing: settings, cluster, memberlist, server, storage } = config;
  const host = os.hostname();
  let membership: Membership | undefined;
  const common = {
    leftTimeoutMs: settings.leftTimeoutMs,
    isNodeDead: (node: string) => membership?.isDead(node) ?? false,
    clock,
    logger,
  };
  const ingesters = new Ring({
    ...common,
    name: 'ingester',
    replicationFactor: cluster.ingesters.replicationFactor,
    zoneAware: cluster.ingesters.zoneAware,
    extendWrites: cluster.ingesters.extendWrites,
    excludedZones: cluster.ingesters.excludedZones,
    heartbeatTimeoutMs: settings.heartbeatTimeoutMs,
    forgetAfterMs: settings.heartbeatTimeoutMs * FORGET_AFTER_TIMEOUTS,
  });
  const ringOf = (name: string, { heartbeatTimeoutMs }: { readonly heartbeatTimeoutMs: number }): Ring =>
    new Ring({
      ...common,
      name,
      replicationFactor: 1,
      zoneAware: false,
      extendWrites: true,
      heartbeatTimeoutMs,
      forgetAfterMs: heartbeatTimeoutMs * FORGET_AFTER_TIMEOUTS,
    });
  const compactors = ringOf('compactor', cluster.compactors);
  const distributors = ringOf('distributor', cluster.distributors);
  const generators = ringOf('metrics-generator', cluster.metricsGenerators);
  // Every process has all values: one it did not know would not be passed on.
  const values = { 'ring/ingester': ingesters, 'ring/compactor': compactors, 'ring/metrics-generator': generators, 'ring/distributor': distributors };
  const hasDistributors = cluster.distributors.shareRates && cluster.distributors.hasRing;
  for (const ring of Object.values(values)) if (ring !== distributors || hasDistributors) registerRingMetrics(metrics, ring);
  const compactorId = cluster.compactors.instanceId || host;
  const opened: Channels[] = [];

  const addressOf = ({
    address,
    port,
    interfaceNames,
    ipv6,
  }: {
    readonly address: string;
    readonly port: number;
    readonly interfaceNames: readonly string[];
    readonly ipv6: boolean;
  }): string => {
    const configured = address || memberlist.advertiseHost;
    const found = advertisedHost({ configured, interfaceNames, ipv6, interfaces: os.networkInterfaces() });
    return `${found.includes(':') ? `[${found}]` : found}:${port || server.grpc.listenPort}`;
  };

  const member = (
    ring: Ring,
    options: {
      readonly id: string;
      readonly address: string;
      readonly zone: string;
      readonly tokens: number;
      readonly tokensFile: string;
      readonly heartbeatPeriodMs: number;
      readonly unregister: boolean;
    },
  ): Service => {
    let lifecycler: Lifecycler | undefined;
    return {
      name: `${ring.name}-ring`,
      start(signal) {
        lifecycler = new Lifecycler({
          ring,
          id: options.id,
          address: options.address,
          zone: options.zone,
          node: membership?.roster.self.name ?? '',
          tokenCount: options.tokens,
          tokens: loadTokens(options.tokensFile, logger),
          saveTokens: (tokens) => saveTokens(options.tokensFile, tokens, logger),
          heartbeatPeriodMs: options.heartbeatPeriodMs,
          joinAfterMs: settings.joinAfterMs,
          observePeriodMs: settings.observePeriodMs,
          unregisterOnShutdown: options.unregister,
          random: () => randomInt(2 ** 32),
          clock,
          timers: systemTimers,
          logger,
        });
        registerMemberMetrics(metrics, ring.name, lifecycler);
        lifecycler.start();
        return lifecycler.active(signal);
      },
      async stop() {
        lifecycler?.leave();
        leaving.add(() => lifecycler?.stop());
        await new Promise((resolve) => setTimeout(resolve, LEAVE_SPREADS_MS));
      },
    };
  };
  let upkeep: NodeJS.Timeout | undefined;
  let compactorStability: RingStability | undefined;
  /** What is left to say when everything was handed over. */
  const leaving = new Set<() => void>();

  return {
    ingesters,
    compactors,
    generators,
    pages: [
      { path: '/ingester/ring', handle: (request) => ringPage(ingesters, request) },
      { path: '/compactor/ring', handle: (request) => ringPage(compactors, request) },
      { path: '/metrics-generator/ring', handle: (request) => ringPage(generators, request) },
      ...(hasDistributors ? [{ path: '/distributor/ring', handle: (request: RingPageRequest) => ringPage(distributors, request) }] : []),
      { path: '/memberlist', handle: ({ accept }) => membershipPage(membership, { accept, nowMs: clock.now() }) },
    ],
    service: {
      name: 'membership',
      async start() {
        if (memberlist.joinMembers.length === 0) logger.warn('memberlist.join_members is empty: this process is alone until others join it');
        const onFatal = (error: AppError): void => {
          logger.error('the cluster cannot be joined', { err: error });
          shutdown('memberlist');
        };
        const started = await startMembership(memberlist, { clock, timers: systemTimers, random: () => randomInt(2 ** 32), logger, onFatal }, values);
        membership = started.membership;
        registerMembershipMetrics(metrics, started.membership, started.transport);
        for (const [key, ring] of Object.entries(values)) ring.onDelta((delta) => started.membership.broadcast(key, delta));
        const stability = (compactorStability = new RingStability(compactors, { ...cluster.compactors.stability, clock }));
        upkeep = setInterval(() => {
          for (const ring of Object.values(values)) ring.sweep();
          stability.look();
        }, UPKEEP_MS).unref();
      },
      async stop() {
        clearInterval(upkeep);
        for (const leave of leaving) leave();
        await membership?.stop();
        for (const channels of opened) channels.close();
      },
    },
    ingester: () =>
      member(ingesters, {
        id: settings.instanceId || host,
        address: addressOf(cluster.ingesters),
        zone: settings.zone,
        tokens: settings.tokenCount,
        // Other tokens would move spans, and with them the traces of its past.
        tokensFile: settings.tokensFile || path.join(storage.wal.path, 'tokens.json'),
        heartbeatPeriodMs: settings.heartbeatPeriodMs,
        unregister: settings.unregisterOnShutdown,
      }),
    compactor: () =>
      member(compactors, {
        id: compactorId,
        address: addressOf(cluster.compactors),
        zone: '',
        tokens: COMPACTOR_TOKENS,
        tokensFile: '',
        heartbeatPeriodMs: cluster.compactors.heartbeatPeriodMs,
        unregister: true,
      }),
    metricsGenerator: () =>
      member(generators, {
        id: cluster.metricsGenerators.instanceId || host,
        address: addressOf(cluster.metricsGenerators),
        zone: cluster.metricsGenerators.zone,
        tokens: GENERATOR_TOKENS,
        tokensFile: '',
        heartbeatPeriodMs: cluster.metricsGenerators.heartbeatPeriodMs,
        unregister: true,
      }),
    distributor: () =>
      hasDistributors
        ? member(distributors, {
            id: cluster.distributors.instanceId || host,
            address: addressOf(cluster.distributors),
            zone: '',
            tokens: 1,
            tokensFile: '',
            heartbeatPeriodMs: cluster.distributors.heartbeatPeriodMs,
            unregister: true,
          })
        : { name: 'distributor-ring', start: async () => undefined, stop: async () => undefined },
    rateSharedBy: () => (hasDistributors ? Math.max(1, distributors.view().active) : 1),
    areCompactorsStable: () => !cluster.compactors.hasRing || (compactorStability?.isStable ?? false),
    ownsCompaction: (name) => !cluster.compactors.hasRing || compactors.view().owns(compactorId, nameToken(name)),
    async channels(client) {
      const channels = await openChannels(client, runtime);
      opened.push(channels);
      return channels;
    },
  };
}
