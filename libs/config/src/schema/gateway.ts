import { bool, bytes, duration, group, int, list, on, oneOf, port, secret, string, strings } from './node.ts';
import { serverTls } from './shared.ts';

const rights = (value: readonly ('read' | 'write' | 'admin')[], doc: string) => list(oneOf(['read', 'write', 'admin'], 'read', 'A right.', on), value, doc, on);

const users = list(
  group('A user.', {
    name: string('', 'The name.', on),
    password: secret('The password. Either this or password_hash; neither, when the name is in the htpasswd file.', on),
    password_hash: secret('bcrypt ($2y$…) or argon2 ($argon2id$…) of the password.', on),
    tenant: string('', 'What replaces X-Scope-OrgID; empty is the name, "*" is what the client sent.', on),
    rights: rights(['read', 'write'], 'What the user may: read queries, write spans, admin flushes, stops and looks at rings and status.'),
  }),
  [],
  'Users of basic authentication.',
  on,
);

const apiKeys = list(
  group('A key, sent as "Authorization: Bearer …" or "X-API-Key: …".', {
    name: string('', 'Name of the key, for logs.', on),
    key: secret('The key. Either this or key_hash.', on),
    key_hash: secret('SHA-256 of the key, in hex.', on),
    tenant: string('', 'What replaces X-Scope-OrgID; empty is the name, "*" is what the client sent.', on),
    rights: rights(['read', 'write'], 'As of users.'),
  }),
  [],
  'API keys.',
  on,
);

/** What the file of `gateway.auth.users_file` holds. */
export const gatewayUsersFile = group('Users and keys.', { users, api_keys: apiKeys });

const upstream = (value: string, doc: string) => strings([value], `${doc}: host:port, or https://host:port; a name may stand for many addresses.`, on);

const timeouts = (what: string, idle: string, total: string) =>
  group(`Of ${what}.`, {
    idle: duration(idle, 'Longest silence in both directions; 0 is no limit.', on),
    total: duration(total, 'Longest time from the first byte to the last; 0 is no limit.', on),
  });

export const gateway = group('The gateway: one door for all components, with users. (Not in Tempo.)', {
  http_listen_address: string('', 'Address the gateway listens on; empty is all.', on),
  http_listen_port: port(8080, 'Port for everything: HTTP/1.1, HTTP/2 and gRPC.', on),
  otlp_grpc_enabled: bool(true, 'Listen for OTLP/gRPC on a port of its own too.', on),
  otlp_grpc_listen_port: port(4317, 'That port.', on),
  tls: serverTls('gateway'),
  reload_period: duration('10s', 'How often files with certificates and users are looked at.', { ...on, min: 100 }),
  admin_enabled: bool(true, 'Serve /flush, /shutdown, /status, /memberlist and the rings, to users with the right admin.', on),
  access_log: oneOf(['off', 'errors', 'all'], 'errors', 'Which requests are logged: none, those that failed, all.', on),
  trusted_proxies: strings([], 'Networks (10.0.0.0/8) whose X-Forwarded-For is believed.', on),
  max_request_body_size: bytes(0, 'Largest body of an HTTP request; 0 is no limit.', on),
  timeouts: group('How long requests may take.', {
    write: timeouts('writes', '30s', '5m'),
    read: timeouts('queries', '5m', '30m'),
    admin: timeouts('admin pages', '5m', '10m'),
  }),
  upstreams: group('Where the components are.', {
    otlp_http: upstream('distributor:4318', 'OTLP/HTTP receivers'),
    otlp_grpc: upstream('distributor:4317', 'OTLP/gRPC receivers'),
    jaeger: upstream('distributor:14268', 'Jaeger Thrift/HTTP receivers'),
    zipkin: upstream('distributor:9411', 'Zipkin receivers'),
    distributor: upstream('distributor:3200', 'Distributors'),
    query_frontend: upstream('query-frontend:3200', 'Query-frontends, HTTP'),
    query_frontend_grpc: upstream('query-frontend:9095', 'Query-frontends, gRPC'),
    ingester: upstream('ingester:3200', 'Ingesters'),
    metrics_generator: upstream('metrics-generator:3200', 'Metrics-generators'),
    compactor: upstream('compactor:3200', 'Compactors'),
  }),
  connections: group('Connections to the components.', {
    connect_timeout: duration('5s', 'Longest wait for a connection.', { ...on, min: 1 }),
    dns_refresh_period: duration('10s', 'How often names are resolved again.', { ...on, min: 100 }),
    max_per_address: int(256, 'Most HTTP/1.1 connections to an address; of HTTP/2 there are as many as calls need, 100 on each.', { ...on, min: 1 }),
    max_waiting: int(1_000, 'Requests that may wait for one of them; more are 503.', on),
    idle_timeout: duration('30s', 'When unused ones are closed.', { ...on, min: 1 }),
    tls: group('Of upstreams that begin with https://; files are read again when they change.', {
      ca_file: string('', 'File with the certificates that sign theirs; empty is those of Node.', on),
      cert_file: string('', 'File with the certificate of the gateway.', on),
      key_file: string('', 'File with its key.', on),
      server_name: string('', 'Name expected in their certificates; empty is the host.', on),
      insecure_skip_verify: bool(false, 'Do not check their certificates.', on),
    }),
  }),
  auth: group('Who may use the gateway; everybody, when there are no users and no keys.', {
    users,
    api_keys: apiKeys,
    users_file: string('', 'File with the lists users and api_keys in YAML, read again when it changes.', on),
    htpasswd_file: string('', 'File with name:hash lines, bcrypt or argon2, read again when it changes.', on),
    htpasswd_rights: rights(['read', 'write'], 'Rights of names in it that are not in users.'),
    cache_ttl: duration('1m', 'How long a password that was verified is not hashed again.', on),
    max_failures: int(10, 'Wrong credentials that an address, and a user, may send within failure_window; then 429.', { ...on, min: 1 }),
    failure_window: duration('1m', 'See max_failures.', { ...on, min: 1_000 }),
  }),
});
