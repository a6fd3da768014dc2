import { readFileSync } from 'node:fs';
import { AppError } from '@vivace/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { effectiveYaml } from './effective-yaml.ts';
import { flagNames } from './flags.ts';
import { loadConfig } from './load-config.ts';
import { parseOverrides } from './parse-overrides.ts';
import { rootSchema } from './schema/root.ts';

const names = [...flagNames(rootSchema)];
const words = [...new Set(names.flatMap(([, { path }]) => path.split('.')))];
const chart = readFileSync(new URL('../../../testdata/config/chart.yaml', import.meta.url), 'utf8');

/** Loads; whatever it loads must also print and load again. Anything but an AppError fails the test. */
function survives(text: string, argv: readonly string[] = []): void {
  try {
    const { config } = loadConfig({ argv: ['-config.file=f', '-config.expand-env', ...argv], env: { A: 'a: [' }, readFile: () => text });
    expect(loadConfig({ argv: ['-config.file=f'], env: {}, readFile: () => effectiveYaml(config, 'diff') }).config.server).toEqual(config.server);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.message).toMatch(/^configuration: \d+ problems?\n/);
  }
}

const key = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...words) }, { weight: 1, arbitrary: fc.string() });
const scalar = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constantFrom(null, '5s', '10MiB', '${A}', '${B:-c}', 'otlp', 'local', '*x', '<<'),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof({ depthSize: 'small' }, scalar, fc.array(tie('tree'), { maxLength: 3 }), fc.dictionary(key, tie('tree'), { maxKeys: 4 })),
}));

/** A value where the schema has a key, so that most of the file is taken seriously. */
const fitting = fc.array(fc.tuple(fc.constantFrom(...names.map(([, { path }]) => path)), tree), { maxLength: 6 }).map((settings) => {
  const root: Record<string, unknown> = {};
  for (const [path, value] of settings) {
    const keys = path.split('.');
    let at = root;
    for (const step of keys.slice(0, -1)) at = (at[step] ??= {}) as Record<string, unknown>;
    at[keys.at(-1)!] = value;
  }
  return root;
});

describe('loadConfig', () => {
  it('answers any tree with a configuration or with an AppError', () => {
    fc.assert(
      fc.property(fc.oneof(tree, fitting), (value) => survives(stringify(value))),
      { numRuns: 500 },
    );
  });

  it('answers any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab:-[]{}&*#!|>"\'%@`\n\t ,?$<~0'), maxLength: 60 }), (text) => survives(text)),
      { numRuns: 1_000 },
    );
  });

  it('answers a real file with some characters replaced', () => {
    const cut = fc.tuple(fc.nat(chart.length), fc.nat(6), fc.string({ maxLength: 6 }));
    fc.assert(
      fc.property(cut, ([at, length, put]) => survives(chart.slice(0, at) + put + chart.slice(at + length))),
      { numRuns: 200 },
    );
  });

  it('answers any flags', () => {
    const name = fc.oneof(fc.constantFrom(...names.map(([flag]) => flag)), fc.string());
    const flag = fc
      .tuple(fc.constantFrom('-', '--', ''), name, fc.option(fc.string()))
      .map(([dash, flagName, value]) => `${dash}${flagName}${value === null ? '' : `=${value}`}`);
    fc.assert(
      fc.property(fc.array(flag, { maxLength: 5 }), (argv) => survives('', argv)),
      { numRuns: 500 },
    );
  });

  it('does not blow up with aliases', () => {
    const levels = Array.from({ length: 30 }, (_, i) => `  - &a${i} [${i === 0 ? 'x' : `*a${i - 1},*a${i - 1}`}]`).join('\n');
    survives(
      `metrics_generator: {storage: {remote_write: []}}\ndistributor:\n  receivers:\n    kafka:\n      x:\n${levels.replaceAll('\n', '\n    ').replace(/^/, '    ')}\n`,
    );
    const merges = Array.from({ length: 40 }, (_, i) => `x${i}: &m${i} {<<: [${i === 0 ? '' : `*m${i - 1},*m${i - 1}`}], y${i}: 1}`).join('\n');
    survives(`${merges}\nserver: *m39\n`);
    survives('a: &a\n  <<: *a\n');
    survives('server: &s {log_level: info, <<: [*s, *s]}');
  });
});

describe('parseOverrides', () => {
  it('answers any tree', () => {
    fc.assert(
      fc.property(tree, (value) => {
        try {
          parseOverrides({ file: 'f', text: stringify({ overrides: value }) });
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });
});
