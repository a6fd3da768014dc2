import { defineConfig } from 'vitest/config';

export default defineConfig({
  oxc: { decorator: { legacy: true } },
  ssr: { resolve: { conditions: ['@vivace/source'] } },
  resolve: { conditions: ['@vivace/source'] },
  test: {
    include: ['libs/*/src/**/*.spec.ts', 'apps/*/src/**/*.spec.ts', 'tools/**/*.spec.ts', 'bench/src/**/*.spec.ts'],
    setupFiles: ['tools/property-seed.ts'],
    // Property tests of a loaded machine; what hangs is ended all the same.
    testTimeout: 120_000,
    pool: 'forks',
  },
});
