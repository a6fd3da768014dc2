import net from 'node:net';

/** Ports on loopback that nobody listened on a moment ago. */
export async function freePorts(n: number): Promise<number[]> {
  return release(await Promise.all(Array.from({ length: n }, () => listen(0))));
}

/** Below those that systems give to outgoing connections (32768 on Linux, 49152 elsewhere). */
const LASTING = { from: 10_240, to: 32_767 };

/** Those given, of which the servers may not run at the moment. */
const given = new Set<number>();

/** Ports that no connection takes meanwhile, for servers that are started again; each is given once. */
export async function lastingPorts(n: number): Promise<number[]> {
  const servers: net.Server[] = [];
  while (servers.length < n) {
    const port = LASTING.from + Math.floor(Math.random() * (LASTING.to - LASTING.from));
    if (given.has(port)) continue;
    given.add(port);
    await listen(port).then(
      (server) => servers.push(server),
      () => undefined, // taken
    );
  }
  return release(servers);
}

function listen(port: number): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject).listen(port, '127.0.0.1', () => resolve(server));
  });
}

async function release(servers: readonly net.Server[]): Promise<number[]> {
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
