import { execFile, fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { freePorts } from './free-ports.ts';
import type { Network, Place } from './network.ts';

/** Of the router, and of places from .1 on. Nothing outside the namespaces sees them. */
const SUBNET = '10.77.0';
const ROUTER = `${SUBNET}.254`;
const MAX_PLACES = 250;
const DOORS = path.join(import.meta.dirname, 'network-doors.ts');

interface LinkedPlace extends Place {
  /** The router's end of its link. */
  readonly link: string;
}

/**
 * A network of namespaces: a router, and a link from it to every place. What is cut is lost in the router without a word to either side, connections that are open included, as when a cable is cut
 * or a firewall drops. The test itself stands outside and comes in by doors on loopback, which reach every place whatever is cut.
 *
 * The namespaces are those of processes that end when this one does, and nothing of the machine's own network is touched. Needs user namespaces, or root, and `ip` of iproute2.
 */
export class NamespaceNetwork implements Network {
  readonly #router: ChildProcess;
  readonly #keepers: ChildProcess[] = [];
  readonly #doors: ChildProcess;
  readonly #places: LinkedPlace[] = [];
  #cuts: string[] = [];

  private constructor(router: ChildProcess, doors: ChildProcess) {
    this.#router = router;
    this.#doors = doors;
  }

  static async create(): Promise<NamespaceNetwork> {
    if (!['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip', '/bin/ip'].some((file) => fs.existsSync(file))) throw new Error('ip is not installed (Debian: iproute2)');
    // It holds the namespace while its standard input is open.
    const router = await holder(['unshare', '--map-root-user', '--net'], 'ip link set lo up && echo 1 > /proc/sys/net/ipv4/ip_forward');
    const [command, ...args] = inside(router, '--user', '--net');
    const doors = fork(DOORS, [], { execPath: command, execArgv: [...args, process.execPath, '--conditions=@vivace/source'] });
    return new NamespaceNetwork(router, doors);
  }

  async add(name: string): Promise<Place> {
    const number = this.#places.length + 1;
    if (number > MAX_PLACES) throw new Error(`a network has ${MAX_PLACES} places at most`);
    const keeper = await holder([...inside(this.#router, '--user'), 'unshare', '--net'], 'ip link set lo up');
    this.#keepers.push(keeper);
    const address = `${SUBNET}.${number}`;
    const link = `place${number}`;
    await this.#ip([
      `link add ${link} type veth peer name eth0 netns ${keeper.pid}`,
      `address add ${ROUTER}/32 dev ${link}`,
      `link set ${link} up`,
      `route add ${address} dev ${link}`,
    ]);
    const wrapper = inside(keeper, '--user', '--net');
    await ip(wrapper, [`address add ${address}/32 dev eth0`, 'link set eth0 up', `route add ${ROUTER} dev eth0`, `route add default via ${ROUTER}`]);
    const place: LinkedPlace = { name, address, listensOn: address, wrapper, link };
    this.#places.push(place);
    return place;
  }

  async door(place: Place, port: number): Promise<string> {
    const [own] = await freePorts(1);
    const server = net.createServer({ pauseOnConnect: true }).listen(own, '127.0.0.1');
    await once(server, 'listening');
    // A socket belongs to the namespace it was made in, whoever listens on it.
    await new Promise<void>((resolve, reject) =>
      this.#doors.send({ host: place.address, port }, server, {}, (error) => {
        if (error) reject(error);
        else resolve();
      }),
    );
    server.close();
    return `127.0.0.1:${own}`;
  }

  async cut(from: readonly Place[], to: readonly Place[]): Promise<void> {
    const rules = from.flatMap((one) =>
      to.filter((other) => other !== one).map(({ address }) => `iif ${this.#linkOf(one)} to ${address} priority 10 blackhole`),
    );
    await this.#ip(rules.map((rule) => `rule add ${rule}`));
    this.#cuts.push(...rules);
  }

  async isolate(places: readonly Place[]): Promise<void> {
    const others = this.#places.filter((place) => !places.includes(place));
    await this.cut(places, others);
    await this.cut(others, places);
  }

  async heal(): Promise<void> {
    await this.#ip(this.#cuts.map((rule) => `rule del ${rule}`));
    this.#cuts = [];
  }

  async destroy(): Promise<void> {
    for (const child of [this.#doors, ...this.#keepers, this.#router]) child.kill('SIGKILL');
  }

  #linkOf(place: Place): string {
    const found = this.#places.find((one) => one === place);
    if (!found) throw new Error(`${place.name} is not in this network`);
    return found.link;
  }

  #ip(commands: readonly string[]): Promise<void> {
    return ip(inside(this.#router, '--user', '--net'), commands);
  }
}

function inside({ pid }: ChildProcess, ...spaces: readonly string[]): string[] {
  return ['nsenter', '--target', String(pid), '--preserve-credentials', ...spaces, '--'];
}

/** A process with namespaces of its own that does nothing once `prepare` is done, until this process ends or kills it. */
async function holder(command: readonly string[], prepare: string): Promise<ChildProcess> {
  const [program, ...args] = [...command, 'sh', '-c', `${prepare} && echo ready && exec cat`];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('error', (cause) => reject(new Error(`${program} is needed (Debian: util-linux)`, { cause })));
    child.once('exit', () =>
      reject(
        new Error(
          `network namespaces cannot be made here (${output.trim()}): they need root, or user namespaces; in a container --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined`,
        ),
      ),
    );
  });
  return child;
}

async function ip(wrapper: readonly string[], commands: readonly string[]): Promise<void> {
  const [program, ...args] = [...wrapper, 'ip', '-batch', '-'];
  const child = execFile(program, args);
  let stderr = '';
  child.stderr?.on('data', (chunk: string) => (stderr += chunk));
  child.stdin?.end(commands.join('\n'));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`ip ended with ${code}: ${stderr}\n${commands.join('\n')}`);
}
