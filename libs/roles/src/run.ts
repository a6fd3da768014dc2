import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@vivace/base';
import type { Clock } from '@vivace/base';
import type { Loaded, ServerConfig } from '@vivace/config';
import type { Lifecycle, RpcServer } from '@vivace/nest';
import { bindAddress, createHttpServer, createShutdown, LIFECYCLE } from '@vivace/nest';
import { createLogger, createMetrics } from '@vivace/telemetry';
import { AppModule } from './app.module.ts';
import type { Receivers } from './receivers.ts';
import type { Runtime } from './runtime.ts';
import { systemTimers } from './system-timers.ts';
import { tenancyOf } from './tenancy.ts';
import { PAGES, QUERY_API, RECEIVERS, RPC_SERVER } from './tokens.ts';
import { VERSION } from './version.ts';

export interface RunOptions {
  readonly loaded: Loaded;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** When the process began, by `clock`. */
  readonly beganMs: number;
  readonly write: (line: string) => void;
  readonly exit: (code: number) => void;
  /** Told, before anything starts, what to call on a signal. */
  readonly onSignal: (handler: (signal: string) => void) => void;
}

/**
 * Builds the process, serves HTTP (so that `/ready` can tell), then starts the services. Resolves with the URL of HTTP when everything runs, with
 * undefined when the process is ending instead: because it was told to, or because a part could not start, which is logged.
 */
export async function run({ loaded, env, clock, beganMs, write, exit, onSignal }: RunOptions): Promise<string | undefined> {
  const { config, warnings } = loaded;
  const { server, shutdownDelayMs } = config;
  const logger = createLogger({ level: server.logLevel, format: server.logFormat, write });
  const metrics = createMetrics({ log: logger });
  logger.info('starting', { version: VERSION, node: process.version, target: config.target });
  for (const { where, path, message, explain } of warnings) logger.warn('configuration', { where, path, message, explain });

  let stopping = false;
  let stop: () => Promise<void> = () => Promise.resolve();
  const end = createShutdown({ stop: () => stop(), timeoutMs: shutdownDelayMs + server.gracefulShutdownTimeoutMs, logger, clock, exit });
  const shutdown = (cause: string): void => {
    stopping = true;
    end(cause);
  };
  onSignal(shutdown);
  const runtime: Runtime = { config, env: loaded.expandEnv ? env : undefined, logger, metrics, clock, shutdown };
  try {
    const app = await createHttpServer({
      module: AppModule.of(runtime),
      router: QUERY_API,
      pages: PAGES,
      rpcServer: config.streamOverHttp ? RPC_SERVER : undefined,
      tls: server.httpTls,
      pathPrefix: server.httpPathPrefix,
      apiPrefix: config.httpApiPrefix,
      tenancy: tenancyOf(config),
      readTimeoutMs: server.httpReadTimeoutMs,
      readHeaderTimeoutMs: server.httpReadHeaderTimeoutMs,
      writeTimeoutMs: server.httpWriteTimeoutMs,
      idleTimeoutMs: server.httpIdleTimeoutMs,
      maxConnections: server.httpMaxConnections,
      log: server.requestLog,
      logger,
      metrics,
      clock,
      timers: systemTimers,
    });
    const lifecycle = app.get<Lifecycle>(LIFECYCLE);
    stop = async () => {
      lifecycle.announceStop();
      if (shutdownDelayMs > 0) await delay(shutdownDelayMs);
      await lifecycle.stop().finally(() => app.close());
    };
    await listen(app, server);
    await lifecycle.start();
    const url = await app.getUrl();
    logger.info('ready', {
      http: new URL(url).port,
      grpc: app.get<RpcServer>(RPC_SERVER).port,
      ...(config.target === 'all' || config.target === 'distributor' ? app.get<Receivers>(RECEIVERS).ports : {}),
      tookMs: Math.round(clock.now() - beganMs),
    });
    return url;
  } catch (reason) {
    if (stopping) return undefined;
    logger.error('the process cannot start', { err: reason });
    await stop().catch(() => undefined);
    exit(1);
    return undefined;
  }
}

async function listen(
  app: Awaited<ReturnType<typeof createHttpServer>>,
  { httpListenNetwork, httpListenAddress, httpListenPort: port }: ServerConfig,
): Promise<void> {
  try {
    await app.listen({ ...bindAddress(httpListenNetwork, httpListenAddress), port });
  } catch (reason) {
    const message = `http server: cannot listen on ${httpListenAddress}:${port}: ${(reason as Error).message}; see server.http_listen_address, server.http_listen_port`;
    throw new AppError('unavailable', message, { cause: reason });
  }
}
