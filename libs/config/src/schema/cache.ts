import { bool, bytes, duration, group, int, list, optional, secret, string, strings } from './node.ts';
import { clientTls } from './shared.ts';

export const memcached = () =>
  optional(
    'A memcached cache.',
    group('A memcached cache.', {
      host: string('', 'Host name, resolved by SRV record.'),
      service: string('', 'Service name of the SRV record.'),
      addresses: string('', 'Addresses, comma separated; dns+ and dnssrv+ work.'),
      timeout: duration('100ms', 'Longest wait for an answer.'),
      max_idle_conns: int(16, 'Idle connections.'),
      max_item_size: bytes(0, 'Largest item; 0 is any.'),
      update_interval: duration('1m', 'How often addresses are resolved.'),
      consistent_hash: bool(true, 'Spread keys by consistent hashing.'),
      circuit_breaker_consecutive_failures: int(10, 'Failures in a row that open the breaker.'),
      circuit_breaker_timeout: duration('10s', 'How long it stays open.'),
      circuit_breaker_interval: duration('10s', 'When its counts are cleared.'),
      ttl: duration('0s', 'How long items live; 0 is as long as memcached keeps them.'),
      ...clientTls,
    }),
  );

export const redis = () =>
  optional(
    'A Redis cache.',
    group('A Redis cache.', {
      endpoint: string('', 'Addresses, comma separated.'),
      master_name: string('', 'Name of the master, for Sentinel.'),
      timeout: duration('100ms', 'Longest wait for an answer.'),
      expiration: duration('0s', 'How long items live.'),
      ttl: duration('0s', 'How long items live.'),
      db: int(0, 'Database.'),
      pool_size: int(0, 'Connections; 0 is chosen by the client.'),
      username: string('', 'User name.'),
      password: secret('Password.'),
      sentinel_username: string('', 'User name at Sentinel.'),
      sentinel_password: secret('Password at Sentinel.'),
      tls_enabled: bool(false, 'Speak TLS.'),
      tls_insecure_skip_verify: bool(false, 'Do not check the server certificate.'),
      idle_timeout: duration('0s', 'When idle connections are closed.'),
      max_connection_age: duration('0s', 'When any connection is closed.'),
    }),
  );

export const cache = () =>
  group('Caches, by what they hold.', {
    background: group('Writing to caches in the background.', {
      writeback_goroutines: int(10, 'Writers.'),
      writeback_buffer: int(10_000, 'Writes waiting at most.'),
    }),
    caches: list(
      group('One cache.', {
        roles: strings([], 'bloom, trace-id-index, parquet-footer, parquet-column-idx, parquet-offset-idx, parquet-page, frontend-search.'),
        memcached: memcached(),
        redis: redis(),
      }),
      [],
      'Caches with their roles.',
    ),
  });
