import { randomInt } from 'node:crypto';
import os from 'node:os';
import { membershipPage } from '@vivace/membership';
import type { Page, Service } from '@vivace/nest';
import { Lifecycler, registerMemberMetrics, registerRingMetrics, Ring, ringPage } from '@vivace/ring';
import { GENERATOR_TOKENS } from './cluster.ts';
import type { Runtime } from './runtime.ts';
import { systemTimers } from './system-timers.ts';
import { loadTokens, saveTokens } from './tokens-file.ts';

export interface Rings {
  readonly service: Service;
  readonly pages: readonly Page[];
  /** See `Cluster`. */
  rateSharedBy(): number;
}

/** A member silent for so many heartbeat time-outs is forgotten, as Tempo does in some of its rings. */
const FORGET_AFTER_TIMEOUTS = 2;

interface RingOfOne {
  readonly name: string;
  readonly id: string;
  readonly zone: string;
  readonly tokens: number;
  readonly tokensFile: string;
  readonly heartbeatPeriodMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly unregister: boolean;
}

/** One process is a ring of its own, of ingesters, of metrics-generators, and of distributors where they share rates: in memory, with one copy, on the loopback address, whatever the configuration says, as in Tempo. */
export function createRings(runtime: Runtime): Rings {
  const { clock, config } = runtime;
  const { ingesterRing: ingester } = config;
  const { metricsGenerators: generator, distributors: distributor } = config.cluster;
  const rings = [
    ringOfOne(runtime, {
      name: 'ingester',
      id: ingester.instanceId,
      zone: ingester.zone,
      tokens: ingester.tokenCount,
      tokensFile: ingester.tokensFile,
      heartbeatPeriodMs: ingester.heartbeatPeriodMs,
      heartbeatTimeoutMs: ingester.heartbeatTimeoutMs,
      unregister: ingester.unregisterOnShutdown,
    }),
    ringOfOne(runtime, {
      name: 'metrics-generator',
      id: generator.instanceId,
      zone: generator.zone,
      tokens: GENERATOR_TOKENS,
      tokensFile: '',
      heartbeatPeriodMs: generator.heartbeatPeriodMs,
      heartbeatTimeoutMs: generator.heartbeatTimeoutMs,
      unregister: true,
    }),
    ...(distributor.shareRates
      ? [
          ringOfOne(runtime, {
            name: 'distributor',
            id: distributor.instanceId,
            zone: '',
            tokens: 1,
            tokensFile: '',
            heartbeatPeriodMs: distributor.heartbeatPeriodMs,
            heartbeatTimeoutMs: distributor.heartbeatTimeoutMs,
            unregister: true,
          }),
        ]
      : []),
  ];
  return {
    service: {
      name: 'rings',
      async start(signal) {
        for (const { member } of rings) member.start();
        await Promise.all(rings.map(({ member }) => member.active(signal)));
      },
      stop: async () => rings.forEach(({ member }) => member.stop()),
    },
    rateSharedBy: () => 1,
    pages: [
      ...rings.map(({ ring }): Page => ({ path: `/${ring.name}/ring`, handle: (request) => ringPage(ring, request) })),
      { path: '/memberlist', handle: ({ accept }) => membershipPage(undefined, { accept, nowMs: clock.now() }) },
    ],
  };
}

function ringOfOne({ config, clock, logger, metrics }: Runtime, settings: RingOfOne): { readonly ring: Ring; readonly member: Lifecycler } {
  const { server, ingesterRing } = config;
  const ring = new Ring({
    name: settings.name,
    replicationFactor: 1,
    zoneAware: false,
    extendWrites: true,
    heartbeatTimeoutMs: settings.heartbeatTimeoutMs,
    forgetAfterMs: settings.heartbeatTimeoutMs * FORGET_AFTER_TIMEOUTS,
    leftTimeoutMs: ingesterRing.leftTimeoutMs,
    clock,
    logger,
  });
  const member = new Lifecycler({
    ring,
    id: settings.id || os.hostname(),
    address: `127.0.0.1:${server.grpc.listenPort}`,
    zone: settings.zone,
    node: '',
    tokenCount: settings.tokens,
    tokens: loadTokens(settings.tokensFile, logger),
    saveTokens: (tokens) => saveTokens(settings.tokensFile, tokens, logger),
    heartbeatPeriodMs: settings.heartbeatPeriodMs,
    joinAfterMs: ingesterRing.joinAfterMs,
    observePeriodMs: ingesterRing.observePeriodMs,
    unregisterOnShutdown: settings.unregister,
    random: () => randomInt(2 ** 32),
    clock,
    timers: systemTimers,
    logger,
  });
  registerRingMetrics(metrics, ring);
  registerMemberMetrics(metrics, ring.name, member);
  return { ring, member };
}
