import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DEVIATIONS } from './deviations.ts';
import { parseLeaf } from './parse-leaf.ts';
import type { Node } from './schema/node.ts';
import { rootSchema } from './schema/root.ts';
import { Secret } from './secret.ts';

const golden = readFileSync(new URL('../../../testdata/config/tempo-2.10.8-defaults.txt', import.meta.url), 'utf8');

describe('defaults', () => {
  const rows = golden
    .split('\n')
    .filter((line) => line.includes(' ='))
    .map((line) => [line.slice(0, line.indexOf(' =')), line.slice(line.indexOf(' =') + 2).trim()] as const);

  it('knows every key of Tempo 2.10.8', () => {
    expect(rows.length).toBeGreaterThan(750);
    expect(rows.filter(([path]) => find(path) === undefined).map(([path]) => path)).toEqual([]);
  });

  it('has the defaults of Tempo 2.10.8 except where intended', () => {
    const different = rows.filter(([path, text]) => {
      const node = find(path);
      return node && !isHostSpecific(path) && !agrees(node, text);
    });
    expect(different.map(([path, text]) => `${path} = ${text}`).sort()).toEqual(
      rows
        .filter(([path]) => path in DEVIATIONS)
        .map(([path, text]) => `${path} = ${text}`)
        .sort(),
    );
  });
});

/** Host names and interfaces of the machine the dump was made on. */
function isHostSpecific(path: string): boolean {
  return /(instance_id|lifecycler\.id|interface_names)$/.test(path);
}

function find(path: string): Node | undefined {
  let node: Node | undefined = rootSchema;
  for (const key of path.split('.')) {
    if (node?.kind === 'optional') node = node.of;
    if (node?.kind !== 'group') return undefined;
    node = node.fields[key];
  }
  return node;
}

function agrees(node: Node, text: string): boolean {
  if (node.kind === 'leaf') {
    const parsed = parseLeaf(node, text === 'None' ? '' : text.toLowerCase() === 'true' || text === 'False' ? text.toLowerCase() : text);
    const value = node.default instanceof Secret ? node.default.reveal() : node.default;
    return parsed.ok && (parsed.value instanceof Secret ? parsed.value.reveal() : parsed.value) === value;
  }
  if (node.kind === 'list') {
    const parsed = text === '' ? [] : JSON.parse(text.replaceAll("'", '"'));
    return JSON.stringify(parsed) === JSON.stringify(node.default);
  }
  return ['', '{}', 'None'].includes(text);
}
