import { AppError } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { effectiveYaml } from './effective-yaml.ts';
import { loadConfig } from './load-config.ts';
import { parseGatewayUsers } from './parse-gateway-users.ts';

const HASH = 'ab'.repeat(32);
const load = (yaml: string) => loadConfig({ argv: ['-config.file=f.yaml'], env: {}, readFile: () => yaml });
const problems = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return AppError.from(error).message;
  }
  return '';
};

describe('gateway', () => {
  it('has defaults that name the services', () => {
    const { gateway } = load('').config;
    expect(gateway.upstreams.otlpHttp).toEqual([{ host: 'distributor', port: 4318, tls: false }]);
    expect([gateway.httpPort, gateway.otlpGrpcPort, gateway.tls, gateway.auth.users]).toEqual([8080, 4317, undefined, []]);
  });

  it('takes users, keys, addresses and networks, and prints no secret', () => {
    const { config, warnings } = load(`
target: gateway
gateway:
  otlp_grpc_enabled: false
  trusted_proxies: [10.0.0.0/8, 'fd00::/8', 192.168.0.1]
  upstreams: { otlp_http: ['a:1', 'https://[::1]:2'] }
  auth:
    users:
      - { name: anna, password: open sesame }
      - { name: bo, password_hash: $2y$05$x, tenant: 'a|b', rights: [read] }
    api_keys: [{ name: k, key_hash: 'sha256:${HASH.toUpperCase()}', tenant: '*', rights: [admin] }]
`);
    const { gateway } = config;
    expect(warnings).toEqual([]);
    expect(gateway.otlpGrpcPort).toBeUndefined();
    expect(gateway.trustedProxies.map(({ prefix, family }) => `${prefix} ${family}`)).toEqual(['8 ipv4', '8 ipv6', '32 ipv4']);
    expect(gateway.upstreams.otlpHttp).toEqual([
      { host: 'a', port: 1, tls: false },
      { host: '::1', port: 2, tls: true },
    ]);
    expect(gateway.auth.users.map(({ name, tenant, rights }) => [name, tenant, rights])).toEqual([
      ['anna', 'anna', ['read', 'write']],
      ['bo', 'a|b', ['read']],
    ]);
    expect(gateway.auth.apiKeys[0]).toMatchObject({ tenant: '*', sha256: HASH });
    const printed = effectiveYaml(config);
    for (const secret of ['open sesame', '$2y$', HASH]) expect(printed.toLowerCase()).not.toContain(secret);
  });

  it.each([
    ['upstreams: { jaeger: [distributor] }', 'gateway.upstreams.jaeger: "distributor" is not a host with a port'],
    ['connections: { tls: { cert_file: x } }', 'gateway.connections.tls: needs both of cert_file, key_file'],
    ['trusted_proxies: [10.0.0.0/33]', '"10.0.0.0/33" is not a network'],
    ['trusted_proxies: [300.0.0.0/8]', '"300.0.0.0/8" is not a network'],
    ['auth: { users: [{ name: a }] }', 'gateway.auth.users[0]: needs one of password, password_hash'],
    ['auth: { users: [{ name: a, password: x, password_hash: y }] }', 'needs one of password, password_hash'],
    ['auth: { users: [{ name: "a:b", password: x, tenant: t }] }', 'needs a name without a colon, not "a:b"'],
    ['auth: { users: [{ name: a, password: x }, { name: a, password: y }] }', 'gateway.auth.users[1]: has the name "a" of another'],
    ['auth: { users: [{ name: a, password: x, tenant: ../b }] }', 'has the tenant "../b", which is not legal'],
    ['auth: { users: [{ name: a, password: x, tenant: "a|b" }] }', 'but spans are written to one'],
    ['auth: { users: [{ name: a, password: x, rights: [] }] }', 'has no rights'],
    ['auth: { users: [{ name: a, password: x, rights: [root] }] }', 'gateway.auth.users[0].rights'],
    ['auth: { api_keys: [{ name: a, key_hash: 12 }] }', 'gateway.auth.api_keys[0]: has a key_hash that is not a SHA-256'],
    ['auth: { api_keys: [{ name: a }] }', 'needs one of key, key_hash'],
    ['tls: { cert_file: x }', 'gateway.tls: needs key or key_file too'],
  ])('refuses %s', (yaml, message) => {
    expect(problems(() => load(`gateway: { ${yaml} }`))).toContain(message);
  });

  it('reads a file of users, which may leave passwords to the htpasswd file', () => {
    const text = 'users: [{ name: a }]\napi_keys: [{ name: k, key: secret }]';
    expect(parseGatewayUsers({ file: 'u', text, hasHtpasswd: true }).apiKeys[0].key.reveal()).toBe('secret');
    expect(problems(() => parseGatewayUsers({ file: 'u', text, hasHtpasswd: false }))).toContain('u: users[0]: needs one of');
  });
});
