import type { Config } from '@vivace/config';
import { effectiveYaml } from '@vivace/config';
import type { StatusPages } from '@vivace/nest';
import { versionText } from './version.ts';

const PAGES = [
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

export function createStatusPages(config: Config, apiPaths: readonly string[]): StatusPages {
  const endpoints = [...PAGES, ...apiPaths.map((path) => config.httpApiPrefix + path)].sort();
  return {
    version: versionText,
    config: (mode) => (mode === 'effective' ? effectiveYaml(config) : effectiveYaml(config, mode)),
    runtimeConfig: () => (config.overrides.perTenantFile === '' ? '# no per_tenant_override_config\n{}\n' : `# ${config.overrides.perTenantFile}\n{}\n`),
    endpoints: () => endpoints.map((path) => `${path}\n`).join(''),
  };
}
