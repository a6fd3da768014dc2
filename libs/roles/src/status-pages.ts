import type { Config } from '@vivace/config';
import { effectiveYaml } from '@vivace/config';
import type { StatusPages } from '@vivace/nest';
import type { Overrides } from './overrides.ts';
import { versionText } from './version.ts';

/** Of every process. */
const COMMON = [
  '/live',
  '/ready',
  '/metrics',
  '/status',
  '/status/version',
  '/status/services',
  '/status/endpoints',
  '/status/config',
  '/status/runtime_config',
  '/flush',
  '/shutdown',
];

export function createStatusPages(config: Config, overrides: Overrides, paths: readonly string[]): StatusPages {
  const endpoints = [...COMMON, ...paths].map((path) => config.server.httpPathPrefix + path).sort();
  return {
    version: versionText,
    config: (mode) => (mode === 'effective' ? effectiveYaml(config) : effectiveYaml(config, mode)),
    // The file holds only what differs from the defaults, so its `diff` is itself.
    runtimeConfig: () => overrides.text || '{}\n',
    endpoints: () => endpoints.map((path) => `${path}\n`).join(''),
  };
}
