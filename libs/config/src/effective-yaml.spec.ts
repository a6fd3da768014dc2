import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { effectiveYaml } from './effective-yaml.ts';
import { loadConfig } from './load-config.ts';

const load = (yaml: string) => loadConfig({ argv: ['-config.file=tempo.yaml'], env: {}, readFile: () => yaml });

const SECRETS = `storage: {trace: {s3: {access_key: id, secret_key: hush1}}}
metrics_generator:
  storage:
    remote_write:
      - url: https://user:hush2@prometheus/write
        basic_auth: {username: me, password: hush3}
        headers: {X-Key: hush4}
        authorization: {type: Bearer, credentials: hush5}
        sigv4: {secret_key: 6543217}
distributor: {receivers: {kafka: {auth: {sasl: {password: hush6}}}}}
`;

describe('effectiveYaml', () => {
  it('reads back to the same configuration', () => {
    const { config } = load('ingester: {trace_idle_period: 90s}\nserver: {log_level: debug}\ndistributor: {receivers: {otlp: {protocols: {http: }}}}');
    expect(load(effectiveYaml(config)).config).toEqual(config);
    expect(load(effectiveYaml(config, 'diff')).config).toEqual(config);
  });

  it('prints only what differs, and nothing for the defaults', () => {
    expect(effectiveYaml(load('ingester: {trace_idle_period: 90s, trace_live_period: 30s}').config, 'diff')).toBe('ingester:\n  trace_idle_period: 1m30s\n');
    expect(effectiveYaml(load('').config, 'diff')).toBe('{}\n');
  });

  it('prints the defaults whatever is set', () => {
    expect(effectiveYaml(load('target: all\nserver: {http_listen_port: 1}').config, 'defaults')).toBe(effectiveYaml(load('').config));
  });

  it('redacts secrets, also in sections of others', () => {
    const { config } = load(SECRETS);
    for (const text of [effectiveYaml(config), effectiveYaml(config, 'diff')]) {
      expect(text).not.toMatch(/hush|6543217/);
      expect(text).toContain('access_key: id\n');
      expect(text).toContain('secret_key: <secret>\n');
      expect(text).toContain('https://<secret>@prometheus/write');
    }
    const { s3 } = config.values.storage.trace;
    expect(`${s3.secret_key} ${JSON.stringify(s3)} ${inspect(s3)}`).not.toContain('hush');
    expect(s3.secret_key.reveal()).toBe('hush1');
  });
});
