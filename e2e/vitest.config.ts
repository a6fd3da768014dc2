import { defineConfig } from 'vitest/config';

// Real processes, one file at a time: they share two cores and would slow each other past their time-outs.
export default defineConfig({
  ssr: { resolve: { conditions: ['@vivace/source'] } },
  resolve: { conditions: ['@vivace/source'] },
  test: {
    root: import.meta.dirname,
    include: ['src/**/*.spec.ts'],
    testTimeout: 900_000,
    hookTimeout: 600_000,
    fileParallelism: false,
    pool: 'forks',
  },
});
