import { once } from 'node:events';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { createMemoryLogger, createMemoryMetrics } from '@vivace/base';
import type { GrpcServerConfig } from '@vivace/config';
import { afterEach, expect, it } from 'vitest';
import { GRPC_SERVER } from './grpc-server-config.fixture.ts';
import { createRpcServer } from './rpc-server.ts';
import type { RpcServer } from './rpc-server.ts';

let server: RpcServer;
afterEach(() => server.stop(0));

async function listen(config: Partial<GrpcServerConfig>) {
  const logger = createMemoryLogger();
  server = createRpcServer({
    methods: [],
    config: { ...GRPC_SERVER, listenAddress: '', maxConcurrentStreams: 0, keepaliveTimeMs: 0, keepaliveTimeoutMs: 0, ...config },
    tenancy: 'off',
    metrics: createMemoryMetrics(),
    logger,
    clock: { now: () => 0 },
    timers: { after: () => () => undefined },
  });
  await server.listen();
  return { logger, port: server.port };
}

it('gRPC connections beyond server.grpc_listen_conn_limit are closed', async () => {
  const { logger, port } = await listen({ maxConnections: 1 });
  const first = net.connect(port, '127.0.0.1');
  await once(first, 'connect');
  expect(await text(net.connect(port, '127.0.0.1'))).toBe('');
  expect(logger.entries).toMatchObject([{ level: 'warn', fields: { limit: 1, key: 'server.grpc_listen_conn_limit' } }]);
  first.destroy();
});

it('server.grpc_listen_network may be IPv4 alone', async () => {
  const { port } = await listen({ listenNetwork: 'tcp4' });
  const connection = net.connect(port, '127.0.0.1');
  await once(connection, 'connect');
  expect(connection.remoteFamily).toBe('IPv4');
  connection.destroy();
  await expect(once(net.connect(port, '::1'), 'connect')).rejects.toThrow(/ECONNREFUSED|EADDRNOTAVAIL/);
});
