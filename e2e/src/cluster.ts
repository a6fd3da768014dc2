import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastingPorts } from './free-ports.ts';
import type { Network, Place } from './network.ts';
import { ServerProcess } from './server-process.ts';

// Roles as processes of their own on loopback, or each in a place of its own in a network, joined by gossip, with one store.

export const ROLES = ['ingester', 'query-frontend', 'querier', 'distributor', 'compactor', 'metrics-generator', 'gateway'] as const;
const WITHOUT_RING: readonly RoleName[] = ['query-frontend', 'gateway'];
export type RoleName = (typeof ROLES)[number];

/** Of what tenants may send. */
export const NO_LIMITS = { rate_limit_bytes: 1e9, burst_size_bytes: 1e9, max_traces_per_user: 0 };

/** Short, so that a test sees every hand-over many times; long enough for a machine that does a dozen other things. */
export const HEARTBEAT_TIMEOUT_MS = 10_000;
const HEARTBEAT_PERIOD = '1s';
const BLOCKLIST_POLL = '1s';
/** Longer than a test that stops one for a while. */
const GENERATOR_TIMEOUT = '60s';
/** Of blocks, polled three times and more meanwhile, however slow the machine. */
const COMPLETE_BLOCK_TIMEOUT_MS = 20_000;

export interface ClusterOptions {
  /** How many of each role; none of those left out. */
  readonly processes: Readonly<Partial<Record<RoleName, number>>>;
  /** Keys of `storage.trace`; a local folder unless said otherwise. */
  readonly store?: object;
  /** Gives the data folders of these processes a disk of their own, in memory: bytes by name of the process. */
  readonly disks?: Readonly<Record<string, number>>;
  /** Every process is in a place of its own. */
  readonly network?: Network;
  /** Ingesters are in these zones in turn, and copies of a span in different ones. */
  readonly zones?: readonly string[];
  /** Of a process, on top of what all have. */
  readonly settings?: (name: string) => object;
  /** Copies of a span; 3 unless said otherwise. */
  readonly replicationFactor?: number;
  /** Entries of the per-tenant file; with them, tenants are told apart. */
  readonly tenants?: Readonly<Record<string, object>>;
  /** How long ingesters answer for what is in a block. */
  readonly completeBlockTimeoutMs?: number;
}

/** Where others find a process. */
interface Address {
  readonly host: string;
  readonly http: number;
  readonly grpc: number;
  readonly gossip: number;
  readonly otlpGrpc: number;
  readonly otlpHttp: number;
}

/** Where the test finds it, as host and port. */
interface Doors {
  readonly http: string;
  readonly otlpHttp: string;
  readonly otlpGrpc: string;
}

interface Seat {
  readonly address: Address;
  /** Host that its servers listen on. */
  readonly listensOn: string;
  readonly doors: Doors;
  readonly place: Place | undefined;
}

export class ClusterMember extends ServerProcess {
  readonly name: string;
  readonly role: RoleName;
  readonly http: string;
  readonly otlpHttp: string;
  readonly otlpGrpc: string;
  /** Log, parts and blocks under way. */
  readonly dataDir: string;

  readonly #place: Place | undefined;

  constructor(name: string, role: RoleName, { doors, place }: Seat, configFile: string, dataDir: string, wrapper: readonly string[]) {
    const http = `http://${doors.http}`;
    const otlpHttp = `http://${doors.otlpHttp}`;
    super({ configFile, http, wrapper: [...(place?.wrapper ?? []), ...wrapper], ...(role === 'gateway' && { door: otlpHttp }) });
    this.name = name;
    this.role = role;
    this.http = http;
    this.otlpHttp = otlpHttp;
    this.otlpGrpc = doors.otlpGrpc;
    this.dataDir = dataDir;
    this.#place = place;
  }

  /** In the network of the cluster. */
  get place(): Place {
    if (!this.#place) throw new Error(`${this.name} is on loopback`);
    return this.#place;
  }

  async restart(signal: NodeJS.Signals): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  /** The folder as the process sees it, also on a disk that only the process has. */
  get dataDirInside(): string {
    return `/proc/${this.pid}/root${this.dataDir}`;
  }
}

/** One row of a ring page. */
export interface RingRow {
  readonly id: string;
  readonly state: string;
  readonly tokens: readonly number[];
}

export class Cluster {
  readonly dir: string;
  readonly #options: ClusterOptions;
  readonly #members = new Map<string, ClusterMember>();
  readonly #seats = new Map<string, Seat>();

  private constructor(dir: string, options: ClusterOptions) {
    this.dir = dir;
    this.#options = options;
  }

  get #tenantsFile(): string {
    return path.join(this.dir, 'tenants.yaml');
  }

  /** Prepares folders and configurations; nothing runs until `start`. */
  static async create(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(fs.mkdtempSync(path.join(os.tmpdir(), 'vivace-cluster-')), options);
    const wanted = ROLES.flatMap((role) => Array.from({ length: options.processes[role] ?? 0 }, (_, i) => ({ role, name: nameOf(role, i + 1) })));
    for (const { name } of wanted) await cluster.#take(name);
    if (options.tenants) cluster.setTenants(options.tenants);
    for (const { role, name } of wanted) cluster.#prepare(role, name);
    return cluster;
  }

  /** Other entries for the per-tenant file. */
  setTenants(tenants: Readonly<Record<string, object>>): void {
    const next = `${this.#tenantsFile}.next`;
    // JSON is YAML.
    fs.writeFileSync(next, JSON.stringify({ overrides: tenants }));
    fs.renameSync(next, this.#tenantsFile);
  }

  /** All at once, as an orchestrator does it. Resolves when all are ready. */
  async start(): Promise<void> {
    await Promise.all(this.all().map((member) => member.start()));
  }

  /** Prepares one more. */
  async add(role: RoleName): Promise<ClusterMember> {
    const name = nameOf(role, this.all(role).length + 1);
    await this.#take(name);
    return this.#prepare(role, name);
  }

  all(role?: RoleName): readonly ClusterMember[] {
    return [...this.#members.values()].filter((member) => role === undefined || member.role === role);
  }

  running(role?: RoleName): readonly ClusterMember[] {
    return this.all(role).filter(({ isRunning }) => isRunning);
  }

  /** The members of a ring as every running process with a ring sees them: by name of the process, `id state` sorted. Heartbeats may come before the tokens. */
  async rings(role: RoleName = 'ingester'): Promise<Readonly<Record<string, readonly string[]>>> {
    const pages = this.running().filter(({ role }) => !WITHOUT_RING.includes(role));
    const entries = await Promise.all(
      pages.map(async (member): Promise<[string, readonly string[]]> => {
        const { body } = await member.get(`/${role}/ring`, { accept: 'application/json' });
        const { shards } = JSON.parse(body) as { readonly shards: readonly RingRow[] | null };
        return [member.name, (shards ?? []).map(({ id, state, tokens }) => `${id} ${tokens.length === 0 ? 'without tokens' : state}`).sort()];
      }),
    );
    return Object.fromEntries(entries);
  }

  /** Resolves once every process is ready and sees exactly the running ones of this role as ACTIVE; rejects when that takes longer. */
  async healed(withinMs: number, role: RoleName = 'ingester'): Promise<void> {
    const wanted = JSON.stringify(this.running(role).map(({ name }) => `${name} ACTIVE`));
    const deadline = Date.now() + withinMs;
    await Promise.all(this.running().map((member) => member.ready()));
    for (;;) {
      const rings = await this.rings(role);
      if (Object.values(rings).every((ring) => JSON.stringify(ring) === wanted)) return;
      if (Date.now() > deadline) throw new Error(`the rings are not ${wanted} after ${withinMs} ms: ${JSON.stringify(rings)}`);
      await sleep(200);
    }
  }

  blocks(): string[] {
    return fs.globSync(`${this.dir}/store/*/*/meta.json`);
  }

  /** What was logged as an error, each text once, with the name of a process that did. */
  errors(): string[] {
    const found = new Map<string, string>();
    for (const member of this.all()) {
      for (const line of member.errors()) found.set(line.replaceAll(/[0-9a-f]{4,}|\d+/g, '#'), `${member.name}: ${line.slice(0, 1_000)}`);
    }
    return [...found.values()];
  }

  /** Ends the processes and removes the folders; with `keep`, or `VIVACE_E2E_KEEP` set, logs are kept beside the configurations. */
  async destroy(): Promise<void> {
    for (const member of this.all()) member.resume();
    await Promise.all(this.running().map((member) => member.kill('SIGKILL')));
    if (process.env.VIVACE_E2E_KEEP === undefined) fs.rmSync(this.dir, { recursive: true, force: true });
    else for (const member of this.all()) fs.writeFileSync(path.join(this.dir, `${member.name}.log`), member.log);
  }

  async #take(name: string): Promise<void> {
    const [http, grpc, gossip, otlpGrpc, otlpHttp] = await lastingPorts(5);
    const { network } = this.#options;
    const place = await network?.add(name, [http, grpc, gossip, otlpGrpc, otlpHttp]);
    const address = { host: place?.address ?? '127.0.0.1', http, grpc, gossip, otlpGrpc, otlpHttp };
    const door = (port: number) => (network && place ? network.door(place, port) : `127.0.0.1:${port}`);
    const doors = { http: await door(http), otlpHttp: await door(otlpHttp), otlpGrpc: await door(otlpGrpc) };
    this.#seats.set(name, { address, listensOn: place?.listensOn ?? '127.0.0.1', doors, place });
  }

  #prepare(role: RoleName, name: string): ClusterMember {
    const configFile = path.join(this.dir, `${name}.yaml`);
    const dataDir = path.join(this.dir, name);
    fs.mkdirSync(dataDir);
    fs.writeFileSync(configFile, JSON.stringify(merged(this.#config(role, name, dataDir), this.#options.settings?.(name) ?? {}), undefined, 2));
    const diskBytes = this.#options.disks?.[name];
    const member = new ClusterMember(name, role, this.#seats.get(name)!, configFile, dataDir, diskBytes === undefined ? [] : ownDisk(dataDir, diskBytes));
    this.#members.set(name, member);
    return member;
  }

  #config(role: RoleName, name: string, dataDir: string): object {
    const { address, listensOn: host } = this.#seats.get(name)!;
    const { host: advertised, ...ports } = address;
    const addresses = (wanted: RoleName, port: keyof typeof ports) =>
      Array.from({ length: this.#options.processes[wanted] ?? 0 }, (_, i) => {
        const { address: other } = this.#seats.get(nameOf(wanted, i + 1))!;
        return `${other.host}:${other[port]}`;
      });
    const kvstore = { store: 'memberlist' };
    return {
      target: role,
      server: {
        http_listen_address: host,
        http_listen_port: ports.http,
        grpc_listen_address: host,
        grpc_listen_port: ports.grpc,
      },
      distributor: {
        receivers: {
          otlp: { protocols: { grpc: { endpoint: `${host}:${ports.otlpGrpc}` }, http: { endpoint: `${host}:${ports.otlpHttp}` } } },
        },
      },
      memberlist: {
        node_name: name,
        randomize_node_name: false,
        bind_addr: [host],
        bind_port: ports.gossip,
        advertise_addr: advertised,
        advertise_port: ports.gossip,
        cluster_label: path.basename(this.dir),
        join_members: addresses('ingester', 'gossip'),
        rejoin_interval: '2s',
        min_join_backoff: '200ms',
        max_join_backoff: '2s',
        abort_if_cluster_join_fails: false,
      },
      ingester: {
        max_block_duration: '3s',
        trace_idle_period: '500ms',
        trace_live_period: '1s',
        flush_check_period: '500ms',
        complete_block_timeout: `${this.#options.completeBlockTimeoutMs ?? COMPLETE_BLOCK_TIMEOUT_MS}ms`,
        block_retry_period: '2s',
        lifecycler: {
          id: name,
          address: advertised,
          min_ready_duration: '1s',
          heartbeat_period: HEARTBEAT_PERIOD,
          availability_zone: zoneOf(name, this.#options.zones),
          ring: {
            replication_factor: this.#options.replicationFactor ?? 3,
            zone_awareness_enabled: this.#options.zones !== undefined,
            kvstore,
            heartbeat_timeout: `${HEARTBEAT_TIMEOUT_MS}ms`,
          },
        },
      },
      gateway: {
        http_listen_address: host,
        http_listen_port: ports.otlpHttp,
        otlp_grpc_listen_port: ports.otlpGrpc,
        upstreams: {
          otlp_http: addresses('distributor', 'otlpHttp'),
          otlp_grpc: addresses('distributor', 'otlpGrpc'),
          distributor: addresses('distributor', 'http'),
          query_frontend: addresses('query-frontend', 'http'),
          query_frontend_grpc: addresses('query-frontend', 'grpc'),
          ingester: addresses('ingester', 'http'),
          metrics_generator: addresses('metrics-generator', 'http'),
        },
      },
      querier: { frontend_worker: { frontend_address: addresses('query-frontend', 'grpc').join(','), id: name } },
      compactor: {
        ring: {
          kvstore,
          instance_id: name,
          instance_addr: advertised,
          heartbeat_period: HEARTBEAT_PERIOD,
          heartbeat_timeout: `${HEARTBEAT_TIMEOUT_MS}ms`,
          wait_stability_min_duration: '0s',
        },
        compaction: { compaction_cycle: '3s', compaction_window: '1h' },
      },
      metrics_generator_client: { remote_timeout: GENERATOR_TIMEOUT },
      metrics_generator: {
        ring: { kvstore, instance_id: name, instance_addr: host, heartbeat_period: HEARTBEAT_PERIOD, heartbeat_timeout: `${HEARTBEAT_TIMEOUT_MS}ms` },
      },
      storage: {
        trace: {
          ...(this.#options.store ?? { backend: 'local', local: { path: path.join(this.dir, 'store') } }),
          blocklist_poll: BLOCKLIST_POLL,
          wal: { path: dataDir },
        },
      },
      multitenancy_enabled: this.#options.tenants !== undefined,
      overrides: {
        defaults: { ingestion: NO_LIMITS },
        ...(this.#options.tenants && { per_tenant_override_config: this.#tenantsFile }),
      },
    };
  }
}

function nameOf(role: RoleName, n: number): string {
  return `${role}-${n}`;
}

/** Empty is none. */
export function zoneOf(name: string, zones: readonly string[] = []): string {
  return zones[(Number(name.slice(name.lastIndexOf('-') + 1)) - 1) % zones.length] ?? '';
}

/** Sections are merged, values replaced. */
function merged(base: object, extra: object): object {
  const isSection = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);
  const entries = Object.entries(extra).map(([key, value]: [string, unknown]) => {
    const old = (base as Readonly<Record<string, unknown>>)[key];
    return [key, isSection(old) && isSection(value) ? merged(old, value) : value];
  });
  return { ...base, ...(Object.fromEntries(entries) as object) };
}

/** Runs a command where `dir` is a file system in memory of its own. */
function ownDisk(dir: string, bytes: number): string[] {
  const mount = `mount -t tmpfs -o size=${bytes} tmpfs "$0" && exec "$@"`;
  return ['unshare', '--mount', '--map-root-user', 'sh', '-c', mount, dir];
}
