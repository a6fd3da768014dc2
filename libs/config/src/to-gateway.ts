import { parseTenantId } from '@vivace/base';
import type { GatewayAccount, GatewayClientTls, GatewayConfig, GatewayKey, GatewayUser, GatewayUsers, HostPort, Network, ServerTlsConfig } from './config.ts';
import type { Problem } from './problem.ts';
import type { Value } from './schema/node.ts';
import type { gateway, gatewayUsersFile } from './schema/gateway.ts';

type Values = Value<typeof gateway>;

/** `gateway:`. Problems that need more than one key to see are added to `problems`. */
export function toGateway(values: Values, tls: ServerTlsConfig | undefined, problems: Problem[]): GatewayConfig {
  const { auth, connections, timeouts, upstreams } = values;
  const addresses = (key: keyof typeof upstreams): HostPort[] => upstreams[key].flatMap((text) => toHostPort(text, `gateway.upstreams.${key}`, problems) ?? []);
  const limits = ({ idle, total }: Values['timeouts']['read']) => ({ idleMs: idle, totalMs: total });
  return {
    listenAddress: values.http_listen_address,
    httpPort: values.http_listen_port,
    otlpGrpcPort: values.otlp_grpc_enabled ? values.otlp_grpc_listen_port : undefined,
    tls,
    reloadPeriodMs: values.reload_period,
    adminEnabled: values.admin_enabled,
    accessLog: values.access_log,
    trustedProxies: values.trusted_proxies.flatMap((text) => toNetwork(text, problems) ?? []),
    maxBodyBytes: values.max_request_body_size,
    timeouts: { read: limits(timeouts.read), write: limits(timeouts.write), admin: limits(timeouts.admin) },
    upstreams: {
      otlpHttp: addresses('otlp_http'),
      otlpGrpc: addresses('otlp_grpc'),
      jaeger: addresses('jaeger'),
      zipkin: addresses('zipkin'),
      distributor: addresses('distributor'),
      queryFrontend: addresses('query_frontend'),
      queryFrontendGrpc: addresses('query_frontend_grpc'),
      ingester: addresses('ingester'),
      metricsGenerator: addresses('metrics_generator'),
      compactor: addresses('compactor'),
    },
    connections: {
      connectTimeoutMs: connections.connect_timeout,
      dnsRefreshMs: connections.dns_refresh_period,
      maxPerAddress: connections.max_per_address,
      maxWaiting: connections.max_waiting,
      idleTimeoutMs: connections.idle_timeout,
      tls: toClientTls(connections.tls, problems),
    },
    auth: {
      ...toGatewayUsers(auth, { where: '', path: 'gateway.auth', hasHtpasswd: auth.htpasswd_file !== '' }, problems),
      usersFile: auth.users_file,
      htpasswdFile: auth.htpasswd_file,
      htpasswdRights: auth.htpasswd_rights,
      cacheTtlMs: auth.cache_ttl,
      maxFailures: auth.max_failures,
      failureWindowMs: auth.failure_window,
    },
  };
}

export interface UsersPlace {
  /** File, for messages. */
  readonly where: string;
  readonly path: string;
  /** A user without a password may have one in the htpasswd file. */
  readonly hasHtpasswd: boolean;
}

export function toGatewayUsers(values: Value<typeof gatewayUsersFile>, { where, path, hasHtpasswd }: UsersPlace, problems: Problem[]): GatewayUsers {
  const prefix = path === '' ? '' : `${path}.`;
  const names = new Set<string>();
  const account = (entry: (typeof values.users | typeof values.api_keys)[number], kind: string, i: number): GatewayAccount => {
    const say = (message: string): void => void problems.push({ where, path: `${prefix}${kind}[${i}]`, message });
    const tenant = entry.tenant === '' ? entry.name : entry.tenant;
    if (entry.name === '' || /[:\p{Cc}]/u.test(entry.name)) say(`needs a name without a colon, not ${JSON.stringify(entry.name)}`);
    else if (names.has(`${kind} ${entry.name}`)) say(`has the name ${JSON.stringify(entry.name)} of another`);
    names.add(`${kind} ${entry.name}`);
    if (entry.rights.length === 0) say('has no rights, want read, write, admin');
    if (tenant !== '*' && tenant.split('|').some((id) => parseTenantId(id) === undefined)) say(`has the tenant ${JSON.stringify(tenant)}, which is not legal`);
    else if (tenant.includes('|') && entry.rights.includes('write')) say(`has the tenants ${JSON.stringify(tenant)}, but spans are written to one`);
    return { name: entry.name, tenant, rights: entry.rights };
  };
  const users = values.users.map((user, i): GatewayUser => {
    const given = Number(!user.password.isEmpty) + Number(!user.password_hash.isEmpty);
    if (given > 1 || (given === 0 && !hasHtpasswd)) problems.push({ where, path: `${prefix}users[${i}]`, message: 'needs one of password, password_hash' });
    return { ...account(user, 'users', i), password: user.password, passwordHash: user.password_hash };
  });
  const apiKeys = values.api_keys.map((key, i): GatewayKey => {
    const say = (message: string): void => void problems.push({ where, path: `${prefix}api_keys[${i}]`, message });
    if (key.key.isEmpty === key.key_hash.isEmpty) say('needs one of key, key_hash');
    const sha256 = key.key_hash
      .reveal()
      .replace(/^sha256:/, '')
      .toLowerCase();
    if (sha256 !== '' && !/^[0-9a-f]{64}$/.test(sha256)) say('has a key_hash that is not a SHA-256 in hex');
    return { ...account(key, 'api_keys', i), key: key.key, sha256 };
  });
  return { users, apiKeys };
}

function toHostPort(text: string, path: string, problems: Problem[]): HostPort | undefined {
  const match = /^(https?:\/\/)?(?:\[([^\]]+)\]|([^:/\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[4]);
  if (match && port > 0 && port <= 65_535) return { host: match[2] ?? match[3] ?? '', port, tls: match[1] === 'https://' };
  problems.push({ where: '', path, message: `"${text}" is not a host with a port, such as distributor:4318` });
  return undefined;
}

function toClientTls(tls: Values['connections']['tls'], problems: Problem[]): GatewayClientTls {
  const [certFile, keyFile] = [tls.cert_file, tls.key_file];
  if ((certFile === '') !== (keyFile === '')) problems.push({ where: '', path: 'gateway.connections.tls', message: 'needs both of cert_file, key_file' });
  return { caFile: tls.ca_file, certFile, keyFile, serverName: tls.server_name, insecureSkipVerify: tls.insecure_skip_verify };
}

function toNetwork(text: string, problems: Problem[]): Network | undefined {
  const match = /^(?:(\d{1,3}(?:\.\d{1,3}){3})|([0-9a-fA-F:.]*:[0-9a-fA-F:.]*))(?:\/(\d{1,3}))?$/.exec(text);
  const family = match?.[1] === undefined ? 'ipv6' : 'ipv4';
  const bits = family === 'ipv4' ? 32 : 128;
  const prefix = Number(match?.[3] ?? bits);
  if (match && prefix <= bits && (match[1] ?? '').split('.').every((part) => Number(part) < 256))
    return { address: match[1] ?? match[2] ?? '', prefix, family };
  problems.push({ where: '', path: 'gateway.trusted_proxies', message: `"${text}" is not a network, such as 10.0.0.0/8` });
  return undefined;
}
