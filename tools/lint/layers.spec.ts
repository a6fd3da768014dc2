import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createProjectGraphAsync } from '@nx/devkit';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { beforeAll, describe, expect, it } from 'vitest';
import { layers } from './layers.ts';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

// The files exist only here, so rules that need types are off.
let eslint: ESLint;
beforeAll(() => {
  process.chdir(root);
  eslint = new ESLint({
    cwd: root,
    overrideConfig: [{ files: ['**/*.ts'], ...tseslint.configs.disableTypeChecked, languageOptions: { parserOptions: { projectService: false } } }],
  });
}, 120_000);

/** The rules that one line of code breaks in a file; that its project does not list the package either is another matter. */
async function rulesBrokenBy(code: string, file: string): Promise<string[]> {
  const results = await eslint.lintText(`${code}\n`, { filePath: path.join(root, file) });
  const messages = results.flatMap((result) => result.messages).filter(({ messageId }) => messageId !== 'noTransitiveDependencies');
  return messages.map(({ ruleId, message }) => ruleId ?? message);
}

const BOUNDARY = '@nx/enforce-module-boundaries';

describe('the lint configuration', { timeout: 120_000 }, () => {
  it.each([
    ['an engine uses an adapter', 'libs/traceql/src/x.ts', "import '@vivace/wal';", [BOUNDARY]],
    ['an engine uses a component', 'libs/query/src/x.ts', "import '@vivace/querier';", [BOUNDARY]],
    ['a base library uses an engine', 'libs/base/src/x.ts', "import '@vivace/trace';", [BOUNDARY]],
    ['a base library uses an npm package', 'libs/bytes/src/x.ts', "import 'yaml';", [BOUNDARY]],
    ['generated code uses another package than its runtime', 'libs/proto/src/x.ts', "import 'yaml';", [BOUNDARY]],
    ['an adapter uses a component', 'libs/block/src/x.ts', "import '@vivace/ingester';", [BOUNDARY]],
    ['a component uses a component', 'libs/distributor/src/x.ts', "import '@vivace/ingester';", [BOUNDARY]],
    ['an engine uses Nest', 'libs/traceql/src/x.ts', "import '@nestjs/core';", [BOUNDARY]],
    ['an adapter uses Nest', 'libs/wal/src/x.ts', "import '@nestjs/common';", [BOUNDARY]],
    ['a component uses Nest', 'libs/querier/src/x.ts', "import 'rxjs';", [BOUNDARY]],
    ['an engine does I/O through a library', 'libs/otlp/src/x.ts', "import '@grpc/grpc-js';", [BOUNDARY]],
    ['a source file uses the testkit', 'libs/query/src/x.ts', "import '@vivace/testkit';", [BOUNDARY]],
    ['a source file uses a test tool', 'libs/query/src/x.ts', "import 'vitest';", [BOUNDARY]],
    ['a library is reached into by path', 'libs/query/src/x.ts', "import '../../trace/src/span-table.ts';", [BOUNDARY]],
    ['a library reaches into an app', 'libs/nest/src/x.ts', "import '../../../apps/vivace/src/main.ts';", [BOUNDARY]],
    ['a pure library uses Node', 'libs/traceql/src/x.ts', "import 'node:fs';", ['no-restricted-imports']],
    ['a pure library uses Buffer', 'libs/bytes/src/x.ts', 'export const x = Buffer.alloc(1);', ['no-restricted-globals']],
    ['an engine reads the clock', 'libs/query/src/x.ts', 'export const x = Date.now();', ['no-restricted-syntax']],
    ['an engine sets a timer', 'libs/query/src/x.ts', 'setTimeout(() => undefined, 1);', ['no-restricted-globals']],
    ['a library reads the environment', 'libs/wal/src/x.ts', 'export const x = process.env.X;', ['no-restricted-syntax']],
    ['an index exports everything', 'libs/wal/src/index.ts', "export * from './log.ts';", ['no-restricted-syntax']],
    ['a library exports a default', 'libs/wal/src/x.ts', 'export default 1;', ['no-restricted-syntax']],
    ['a module imports its own index', 'libs/wal/src/x.ts', "import './index.ts';", ['no-restricted-imports']],
    ['a component chooses a backend', 'libs/querier/src/x.ts', "import '@vivace/object-store/s3';", ['no-restricted-imports']],
  ])('reports that %s', async (_, file, code, rules) => {
    expect(await rulesBrokenBy(code, file)).toEqual(rules);
  });

  it.each([
    ['an engine uses an engine', 'libs/query/src/x.ts', "import '@vivace/traceql';"],
    ['an adapter uses an adapter', 'libs/block/src/x.ts', "import '@vivace/object-store';"],
    ['a component uses adapters and engines', 'libs/querier/src/x.ts', "import '@vivace/block';\nimport '@vivace/query';"],
    ['a test uses the testkit', 'libs/query/src/x.spec.ts', "import '@vivace/testkit';\nimport 'vitest';"],
    ['an impure engine uses Node', 'libs/parquet/src/x.ts', "import 'node:zlib';"],
  ])('allows that %s', async (_, file, code) => {
    expect(await rulesBrokenBy(code, file)).toEqual([]);
  });
});

describe('the projects', { timeout: 120_000 }, () => {
  it('have one type from the table each, and depend on each other only as it says', async () => {
    process.env['NX_DAEMON'] = 'false';
    const graph = await createProjectGraphAsync({ exitOnError: false });
    const typeOf = new Map<string, string>();
    for (const [name, node] of Object.entries(graph.nodes)) {
      const types = (node.data.tags ?? []).filter((tag) => tag.startsWith('type:')).map((tag) => tag.slice(5));
      expect(Object.keys(layers), name).toContain(types.join());
      typeOf.set(name, types.join());
    }
    // The graph does not tell tests from sources, so the testkit's users are left to the rule.
    const forbidden = Object.values(graph.dependencies)
      .flat()
      .filter(({ source, target }) => typeOf.has(source) && typeOf.has(target) && typeOf.get(target) !== 'testkit')
      .filter(({ source, target }) => !layers[typeOf.get(source)!].mayUse.includes(typeOf.get(target)!));
    expect(forbidden).toEqual([]);
  });
});
