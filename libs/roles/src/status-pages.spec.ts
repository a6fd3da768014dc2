import { loadConfig } from '@vivace/config';
import { expect, it } from 'vitest';
import type { Overrides } from './overrides.ts';
import { createStatusPages } from './status-pages.ts';

it('endpoints are listed with the prefix of all paths', () => {
  const { config } = loadConfig({ argv: ['-server.http-path-prefix=pre'], env: {}, readFile: () => '' });
  const listed = createStatusPages(config, {} as Overrides, ['/api/echo'])
    .endpoints()
    .split('\n');
  expect(listed).toContain('/pre/api/echo');
  expect(listed).toContain('/pre/ready');
});
