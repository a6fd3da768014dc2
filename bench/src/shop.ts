import { pick } from './random.ts';
import type { Random } from './random.ts';

// A shop of 25 services: the traces every benchmark uses. About six attributes and 326 bytes of OTLP a span.

export type AttributeValue = string | number | boolean;
export type Attribute = readonly [string, AttributeValue];

export interface ShopEvent {
  readonly name: string;
  /** Nanoseconds after the span's start. */
  readonly atNs: number;
  readonly attributes: readonly Attribute[];
}

export interface ShopSpan {
  readonly id: Uint8Array;
  /** Index of the parent in the trace, -1 for the root. */
  readonly parent: number;
  /** Index into `SERVICES`. */
  readonly service: number;
  readonly kind: number;
  readonly name: string;
  /** Nanoseconds after the trace's start. */
  readonly startNs: number;
  readonly durationNs: number;
  readonly attributes: readonly Attribute[];
  readonly events: readonly ShopEvent[];
  readonly status: number;
  readonly statusMessage: string;
  /** Trace id of a link, where there is one. */
  readonly link: Uint8Array | undefined;
}

const SERVICES = [
  'frontend',
  'api-gateway',
  'checkout',
  'cart',
  'payments-api',
  'catalog',
  'recommendation',
  'shipping',
  'email',
  'currency',
  'ads',
  'auth',
  'users',
  'inventory',
  'orders',
  'search',
  'reviews',
  'pricing',
  'fraud',
  'notifications',
  'billing',
  'loyalty',
  'geo',
  'media',
  'analytics',
] as const;

const DATABASES = ['postgresql', 'mysql', 'redis', 'mongodb'];
const METHODS = ['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE'];
const THINGS = ['items', 'users', 'orders', 'carts', 'charges', 'quotes', 'ads', 'reviews', 'stock', 'events'];
const ROUTES = Array.from({ length: 40 }, (_, i) => `/api/v${1 + (i % 3)}/${THINGS[i % 10]}${i % 2 ? '/{id}' : ''}`);
const TABLES = ['orders', 'users', 'items', 'carts', 'payments', 'events', 'sessions', 'prices'];
const WORK = ['validate', 'render', 'serialize', 'computePrice', 'lookupCache', 'applyDiscount'];
const SERVER = 2;
const CLIENT = 3;
const PRODUCER = 4;

export function randomBytes(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = Math.floor(random() * 256);
  bytes[0] |= 1;
  return bytes;
}

/** One trace of 4 to 60 spans, mostly short ones. */
export function makeTrace(random: Random, minSpans = 4, maxSpans = 60): ShopSpan[] {
  const count = minSpans + Math.floor(random() ** 2.2 * (maxSpans - minSpans));
  const spans: ShopSpan[] = [];
  const rootDuration = Math.floor(5e6 * Math.exp(random() * 5.5));
  const failing = random() < 0.06;
  for (let i = 0; i < count; i++) spans.push(makeSpan(random, spans, rootDuration, failing));
  return spans;
}

function makeSpan(random: Random, earlier: readonly ShopSpan[], rootDuration: number, failing: boolean): ShopSpan {
  const i = earlier.length;
  const parent = i === 0 ? -1 : Math.max(0, i - 1 - Math.floor(random() * Math.min(i, 6)));
  const up = parent < 0 ? undefined : earlier[parent];
  const kind =
    up === undefined ? SERVER : up.kind === CLIENT && random() < 0.75 ? SERVER : random() < 0.45 ? CLIENT : random() < 0.9 ? 1 : random() < 0.5 ? PRODUCER : 5;
  const service = up === undefined ? Math.floor(random() * 3) : kind === SERVER || kind === 5 ? Math.floor(random() * SERVICES.length) : up.service;
  const startNs = up ? up.startNs + Math.floor(random() * up.durationNs * 0.5) : 0;
  const durationNs = up ? Math.max(20_000, Math.floor((up.startNs + up.durationNs - startNs) * (0.2 + 0.75 * random()))) : rootDuration;
  const failed = failing && random() < 0.3;
  const { name, attributes } = work(random, kind, service, failed);
  return {
    id: randomBytes(random, 8),
    parent,
    service,
    kind,
    name,
    startNs,
    durationNs,
    attributes,
    events: events(random, name, durationNs, failed),
    status: failed ? 2 : random() < 0.1 ? 1 : 0,
    statusMessage: failed ? 'upstream failure' : '',
    link: random() < 0.01 ? randomBytes(random, 16) : undefined,
  };
}

function work(random: Random, kind: number, service: number, failed: boolean): { name: string; attributes: Attribute[] } {
  if (kind === CLIENT && random() < 0.4) return query(random, service);
  if (kind === SERVER || kind === CLIENT) return call(random, kind, service, failed);
  if (kind >= PRODUCER) {
    const attributes: Attribute[] = [
      ['messaging.system', 'kafka'],
      ['messaging.destination', 'orders-topic'],
      ['messaging.kafka.partition', Math.floor(random() * 12)],
    ];
    return { name: `${kind === PRODUCER ? 'publish' : 'process'} orders-topic`, attributes };
  }
  const name = pick(random, WORK);
  return {
    name,
    attributes: [
      ['code.function', name],
      ['thread.id', Math.floor(random() * 64)],
      ['score', Math.round(random() * 1000) / 1000 + 0.0005],
    ],
  };
}

function query(random: Random, service: number): { name: string; attributes: Attribute[] } {
  const table = pick(random, TABLES);
  const system = DATABASES[service % 4];
  const attributes: Attribute[] = [
    ['db.system', system],
    ['db.name', `${SERVICES[service]}-db`],
    ['db.statement', `SELECT id, name, status FROM ${table} WHERE id = $1 AND tenant = $2 LIMIT ${10 + Math.floor(random() * 90)}`],
    ['db.operation', 'SELECT'],
    ['net.peer.name', `${system}-${service % 3}.db.svc.cluster.local`],
    ['net.peer.port', 5432],
  ];
  return { name: `SELECT ${table}`, attributes };
}

function call(random: Random, kind: number, service: number, failed: boolean): { name: string; attributes: Attribute[] } {
  const route = pick(random, ROUTES);
  const method = pick(random, METHODS);
  const code = failed ? (random() < 0.7 ? 500 : 503) : random() < 0.05 ? 404 : 200;
  const attributes: Attribute[] = [
    ['http.method', method],
    ['http.route', route],
    ['http.status_code', code],
    ['http.url', `https://shop.example.com${route.replace('{id}', String(Math.floor(random() * 1e6)))}`],
    ['http.user_agent', `Mozilla/5.0 (client ${Math.floor(random() * 30)})`],
    ['net.host.name', `${SERVICES[service]}.prod.svc`],
    ['http.request_content_length', Math.floor(random() * 4000)],
  ];
  if (kind === SERVER) attributes.push(['user.id', `user-${Math.floor(random() * 50_000)}`], ['cache.hit', random() < 0.6]);
  return { name: `${method} ${route}`, attributes };
}

function events(random: Random, name: string, durationNs: number, failed: boolean): ShopEvent[] {
  if (failed) {
    const attributes: Attribute[] = [
      ['exception.type', pick(random, ['TimeoutError', 'IOException', 'NullPointerException'])],
      ['exception.message', `operation ${name} failed after ${Math.floor(random() * 5000)} ms`],
      ['exception.escaped', false],
    ];
    return [{ name: 'exception', atNs: Math.floor(durationNs * 0.9), attributes }];
  }
  return random() < 0.08 ? [{ name: 'cache.miss', atNs: Math.floor(durationNs * 0.2), attributes: [['cache.key', `k:${Math.floor(random() * 10_000)}`]] }] : [];
}

/** Resource attributes of a service. */
export function resourceOf(random: Random, service: number): Attribute[] {
  const name = SERVICES[service];
  return [
    ['service.name', name],
    ['service.namespace', 'shop'],
    ['service.version', `1.${service}.3`],
    ['k8s.namespace.name', 'prod'],
    ['k8s.cluster.name', 'eu-west-1a'],
    ['k8s.pod.name', `${name}-7d9f${service}b-${pick(random, ['x2x1p', 'k9d0z', 'q7w3e'])}`],
    ['k8s.container.name', name],
    ['telemetry.sdk.language', ['go', 'java', 'nodejs', 'python'][service % 4]],
    ['host.name', `node-${service % 9}`],
    ['deployment.environment', 'production'],
  ];
}
