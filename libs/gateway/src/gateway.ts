import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '@vivace/base';
import type { Clock, Logger, MetricsRegistry, Timers } from '@vivace/base';
import type { GatewayConfig } from '@vivace/config';
import type { FollowedFiles } from '@vivace/sockets';
import { followFiles, readServerTls, serverTlsFiles } from '@vivace/sockets';
import type { Lookup } from './addresses.ts';
import { systemLookup } from './addresses.ts';
import { Authenticator } from './authenticator.ts';
import { createClientAddress } from './client-address.ts';
import { readUpstreamTls } from './upstream-tls.ts';
import type { Door } from './doors.ts';
import { openDoor } from './doors.ts';
import type { DoorKind } from './handler.ts';
import { createHandler } from './handler.ts';
import { loadUsers } from './load-users.ts';
import { createRequestLog } from './request-log.ts';
import { createRoutes } from './routes.ts';
import { createUpstreams } from './upstreams.ts';

export interface GatewayOptions {
  readonly config: GatewayConfig;
  /** `http_api_prefix` */
  readonly apiPrefix: string;
  /** Given when references in the users file are to be replaced. */
  readonly env: Readonly<Record<string, string | undefined>> | undefined;
  readonly lookup?: Lookup;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

export interface Gateway {
  /** Rejects when a file cannot be used or a port is taken. */
  start(): Promise<void>;
  /** Takes no new connections, lets requests end for `timeoutMs`, then cuts them off. */
  stop(timeoutMs: number): Promise<void>;
  /** Those that are open, by name, for the log. */
  readonly ports: Readonly<Record<string, number>>;
  /** Looks at certificates and users now. */
  reload(): Promise<void>;
}

/** The door in front of all components. */
export function createGateway(options: GatewayOptions): Gateway {
  const { config, apiPrefix, env, timers, clock, logger, metrics } = options;
  const upstreams = createUpstreams({ config, lookup: options.lookup ?? systemLookup, timers, clock, logger, metrics });
  const files: FollowedFiles[] = [];
  const doors = new Map<DoorKind, Door>();

  async function follow(paths: readonly string[], onChange: () => Promise<void>): Promise<void> {
    const count = metrics.counter('vivace_gateway_reloads_total', 'Changed files that were read again.', ['outcome']);
    const counted = async (): Promise<void> => {
      try {
        await onChange();
        count.with({ outcome: 'success' }).inc();
      } catch (reason) {
        count.with({ outcome: 'failure' }).inc();
        throw reason;
      }
    };
    files.push(await followFiles({ paths, periodMs: config.reloadPeriodMs, timers, logger, onChange: counted }));
  }

  async function followUsers(): Promise<Authenticator> {
    const { auth, adminEnabled } = config;
    let authenticator: Authenticator | undefined = undefined;
    // Before they are read, so that no change is missed.
    await follow(
      [auth.usersFile, auth.htpasswdFile].filter((path) => path !== ''),
      async () => {
        const directory = await loadUsers(auth, env);
        // An emptied file must not open the door.
        if (directory.isEmpty) throw new AppError('failed_precondition', 'there are no users and no keys left');
        authenticator?.replace(directory);
      },
    );
    authenticator = new Authenticator(await loadUsers(auth, env), { config: auth, clock, metrics });
    if (!authenticator.isOpen) return authenticator;
    if (auth.usersFile !== '' || auth.htpasswdFile !== '') throw new AppError('failed_precondition', 'gateway.auth: its files have no users and no keys');
    const explain = adminEnabled
      ? 'everybody who reaches it may read and write all tenants, and flush and STOP ingesters: set gateway.auth, or gateway.admin_enabled: false'
      : 'everybody who reaches it may read and write all tenants: set gateway.auth';
    logger.warn('the gateway has no users', { explain });
    return authenticator;
  }

  async function followClientTls(): Promise<void> {
    const { tls } = config.connections;
    const take = async (): Promise<void> => upstreams.replaceTls(await readUpstreamTls(tls));
    await follow(
      [tls.caFile, tls.certFile, tls.keyFile].filter((path) => path !== ''),
      take,
    );
    await take();
  }

  async function followTls() {
    const { tls } = config;
    if (!tls) return undefined;
    await follow(serverTlsFiles(tls), async () => {
      const next = await readServerTls(tls);
      for (const door of doors.values()) door.replaceTls(next);
    });
    return readServerTls(tls);
  }

  return {
    get ports() {
      return Object.fromEntries([...doors].map(([kind, { port }]) => [kind === 'all' ? 'gateway' : 'gatewayOtlpGrpc', port]));
    },
    async start() {
      const [authenticator, tls] = await Promise.all([followUsers(), followTls(), followClientTls()]);
      await upstreams.start();
      const handle = createHandler({
        config,
        routes: createRoutes({ apiPrefix, adminEnabled: config.adminEnabled }),
        upstreams,
        authenticator,
        clientOf: createClientAddress(config.trustedProxies),
        isTls: tls !== undefined,
        record: createRequestLog({ accessLog: config.accessLog, clock, logger, metrics }),
        timers,
        clock,
      });
      const open = async (kind: DoorKind, port: number): Promise<void> => {
        const onRequest = (request: IncomingMessage, response: ServerResponse): void => handle(request, response, kind);
        doors.set(kind, await openDoor({ host: config.listenAddress, port, tls, onRequest, requestTimeoutMs: config.timeouts.write.totalMs }));
      };
      await open('all', config.httpPort);
      if (config.otlpGrpcPort !== undefined) await open('otlp', config.otlpGrpcPort);
    },
    async stop(timeoutMs) {
      for (const followed of files) followed.stop();
      await Promise.all([...doors.values()].map((door) => door.close(timeoutMs)));
      await upstreams.close();
    },
    async reload() {
      await Promise.all(files.map((followed) => followed.check()));
    },
  };
}
