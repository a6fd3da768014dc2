import { randomInt } from 'node:crypto';
import os from 'node:os';
import { membershipPage } from '@vivace/membership';
import type { Page, Service } from '@vivace/nest';
import { Lifecycler, registerRingMetrics, Ring, ringPage } from '@vivace/ring';
import type { Runtime } from './runtime.ts';
import { systemTimers } from './system-timers.ts';
import { loadTokens, saveTokens } from './tokens-file.ts';

export interface Rings {
  readonly service: Service;
  readonly pages: readonly Page[];
}

/** A member silent for so many heartbeat time-outs is forgotten, as Tempo does in some of its rings. */
const FORGET_AFTER_TIMEOUTS = 2;

/** One process is a ring of its own: in memory, with one copy, on the loopback address, whatever the configuration says, as in Tempo. */
export function createRings({ config, clock, logger, metrics }: Runtime): Rings {
  const { ingesterRing: settings, server } = config;
  const ring = new Ring({
    name: 'ingester',
    replicationFactor: 1,
    zoneAware: false,
    extendWrites: true,
    heartbeatTimeoutMs: settings.heartbeatTimeoutMs,
    forgetAfterMs: settings.heartbeatTimeoutMs * FORGET_AFTER_TIMEOUTS,
    leftTimeoutMs: settings.leftTimeoutMs,
    clock,
    logger,
  });
  const member = new Lifecycler({
    ring,
    id: settings.instanceId || os.hostname(),
    address: `127.0.0.1:${server.grpc.listenPort}`,
    zone: settings.zone,
    node: '',
    tokenCount: settings.tokenCount,
    tokens: loadTokens(settings.tokensFile, logger),
    saveTokens: (tokens) => saveTokens(settings.tokensFile, tokens, logger),
    heartbeatPeriodMs: settings.heartbeatPeriodMs,
    joinAfterMs: settings.joinAfterMs,
    observePeriodMs: settings.observePeriodMs,
    unregisterOnShutdown: settings.unregisterOnShutdown,
    random: () => randomInt(2 ** 32),
    clock,
    timers: systemTimers,
    logger,
  });
  registerRingMetrics(metrics, ring, member);
  return {
    service: {
      name: 'ingester-ring',
      start(signal) {
        member.start();
        return member.active(signal);
      },
      stop: async () => member.stop(),
    },
    pages: [
      { path: '/ingester/ring', handle: (request) => ringPage(ring, request) },
      { path: '/memberlist', handle: ({ accept }) => membershipPage(undefined, { accept, nowMs: clock.now() }) },
    ],
  };
}
