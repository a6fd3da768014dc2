import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configDocs, usage } from './config-docs.ts';

describe('configDocs', () => {
  it('is what docs/config.md says; otherwise run tools/gen-config-docs.mjs', () => {
    expect(readFileSync(new URL('../../../docs/config.md', import.meta.url), 'utf8')).toBe(configDocs());
  });
});

describe('usage', () => {
  it('names the flags of the program and those of Tempo', () => {
    expect(usage()).toMatch(/-config\.expand-env\n[^]*-multitenancy\.enabled\n[^]*-log\.level string\n/);
  });
});
