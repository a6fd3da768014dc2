import type { Gateway } from '@vivace/gateway';
import { createGateway } from '@vivace/gateway';
import type { Overrides } from '../overrides.ts';
import * as part from '../providers.ts';
import type { Runtime } from '../runtime.ts';
import { systemTimers } from '../system-timers.ts';
import { GATEWAY, OVERRIDES, RUNTIME } from '../tokens.ts';
import { base, noMethods, noPages } from './role.ts';
import type { Role } from './role.ts';

export const gatewayRole: Role = {
  providers: [
    ...base,
    noPages,
    {
      provide: GATEWAY,
      inject: [RUNTIME],
      useFactory: ({ config, env, logger, metrics, clock }: Runtime) =>
        createGateway({ config: config.gateway, apiPrefix: config.httpApiPrefix, env, timers: systemTimers, clock, logger, metrics }),
    },
    part.noQueryApi,
    noMethods,
    part.plainAdmin,
  ],
  alive: [OVERRIDES, GATEWAY],
  services: ({ config, logger }: Runtime, overrides: Overrides, door: Gateway) => [
    overrides,
    {
      name: 'gateway',
      async start() {
        await door.start();
        logger.info('the gateway listens', door.ports);
      },
      stop: () => door.stop(config.server.gracefulShutdownTimeoutMs * OPEN_REQUESTS_SHARE),
    },
  ],
};

/** Of the graceful stop: what open requests may take. */
const OPEN_REQUESTS_SHARE = 0.9;
