import { describe, expect, it } from 'vitest';
import { flagNames, parseFlags } from './flags.ts';
import type { Problem } from './problem.ts';
import type { Group } from './schema/node.ts';
import { rootSchema } from './schema/root.ts';

function parse(...argv: string[]) {
  const problems: Problem[] = [];
  const flags = parseFlags(argv, rootSchema, problems);
  return { flags, problems: problems.map(({ path, message }) => `${path} ${message}`) };
}

describe('flagNames', () => {
  it('gives each name to one key', () => {
    const named: string[] = [];
    const collect = (group: Group): void => {
      for (const node of Object.values(group.fields)) {
        if (node.kind === 'group') collect(node);
        else if (node.kind === 'leaf') named.push(...(node.flags ?? []));
      }
    };
    collect(rootSchema);
    expect(named.length).toBeGreaterThan(20);
    expect(named.toSorted()).toEqual([...new Set(named)].toSorted());
    const byPath = new Set([...flagNames(rootSchema).values()].map(({ path }) => path.replaceAll('_', '-')));
    expect(named.filter((name) => byPath.has(name))).toEqual([]);
  });
});

describe('parseFlags', () => {
  it('reads values after = and after a space, booleans bare, and keeps the last', () => {
    const { flags, problems } = parse('-config.file', 'a', '--config.file=b=c', '-config.expand-env', '-multitenancy_enabled', '-target', '-x');
    expect(problems).toEqual([]);
    expect(flags).toMatchObject({ configFile: 'b=c', expandEnv: true, command: 'run' });
    expect([...flags.keys]).toEqual([
      ['multitenancy_enabled', { flag: 'multitenancy_enabled', text: 'true' }],
      ['target', { flag: 'target', text: '-x' }],
    ]);
  });

  it('knows names of Tempo that are not the path of the key', () => {
    const { flags, problems } = parse(
      '-storage.trace.block.v2-bloom-filter-false-positive=.05',
      '-reporting.backoff-retries=3',
      '-reporting.backoff-min-period=1s',
    );
    expect(problems).toEqual([]);
    expect([...flags.keys.keys()]).toEqual([
      'storage.trace.block.bloom_filter_false_positive',
      'usage_report.backoff.max_retries',
      'usage_report.backoff.min_period',
    ]);
  });

  it('takes Go knobs without effect', () => {
    expect(parse('-mem-ballast-size-mbs=1024').problems).toEqual([]);
  });

  it('reports what it cannot read', () => {
    expect(parse('-', '-targt=all', '-config.verify=perhaps', '-config.file').problems).toEqual([
      '- is not a flag; flags are -name=value, -name value or -name',
      '-targt is not a known flag; did you mean "-target"?',
      '-config.file needs a value',
      '-config.verify "perhaps" is not true or false',
    ]);
  });
});
