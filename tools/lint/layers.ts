// Who may import whom, by the `type:` tag of a project (package.json, "nx"). ESLint enforces it; layers.spec.ts proves that it does.

export interface Layer {
  /** Types of the projects it may depend on. */
  readonly mayUse: readonly string[];
  /** The npm packages there may be; all of them when undefined. */
  readonly onlyPackages?: readonly string[];
  /** The npm packages there may not be. */
  readonly noPackages?: readonly string[];
}

// The patterns of the rule are anchored, so a package and what lies in it are two patterns.
const noNest = ['@nestjs/*', 'rxjs', 'rxjs/*'];
const noIo = [...noNest, 'express', 'fastify', 'fastify/*', '@grpc/*', '@aws-sdk/*', '@azure/*', '@google-cloud/*', 'prom-client', 'pino'];
const testTools = ['vitest', 'vitest/*', 'fast-check', '@fast-check/*'];

export const layers: Readonly<Record<string, Layer>> = {
  base: { mayUse: ['base'], onlyPackages: [] },
  generated: { mayUse: ['base', 'generated'], onlyPackages: ['@bufbuild/protobuf', '@bufbuild/protobuf/*'] },
  engine: { mayUse: ['base', 'generated', 'engine'], noPackages: [...noIo, ...testTools] },
  adapter: { mayUse: ['base', 'generated', 'engine', 'adapter'], noPackages: [...noNest, ...testTools] },
  component: { mayUse: ['base', 'generated', 'engine', 'adapter'], noPackages: [...noNest, ...testTools] },
  nest: { mayUse: ['base', 'generated', 'engine', 'adapter', 'nest'], noPackages: testTools },
  assembly: { mayUse: ['base', 'generated', 'engine', 'adapter', 'component', 'nest'], noPackages: testTools },
  app: { mayUse: ['base', 'generated', 'engine', 'adapter', 'component', 'nest', 'assembly'], noPackages: testTools },
  testkit: { mayUse: ['base', 'generated', 'engine', 'adapter', 'testkit'] },
  e2e: { mayUse: ['base', 'generated', 'engine', 'adapter', 'component', 'testkit'] },
  bench: { mayUse: ['base', 'generated', 'engine', 'adapter', 'component', 'testkit'] },
};

/**
 * The options of @nx/enforce-module-boundaries. There is deliberately no constraint that fits every project: one without a type
 * from the table may depend on nothing. Test files may use the testkit and the test tools as well.
 */
export function boundaryOptions(files: 'sources' | 'tests'): Record<string, unknown> {
  const tests = files === 'tests';
  return {
    banTransitiveDependencies: true,
    enforceBuildableLibDependency: true,
    // The testkit builds on the engines, whose tests use it: a circle of projects, not of modules.
    ignoredCircularDependencies: [['testkit', '*']],
    depConstraints: Object.entries(layers).map(([type, { mayUse, onlyPackages, noPackages }]) => ({
      sourceTag: `type:${type}`,
      onlyDependOnLibsWithTags: [...mayUse, ...(tests ? ['testkit'] : [])].map((name) => `type:${name}`),
      ...(onlyPackages && { allowedExternalImports: tests ? [...onlyPackages, ...testTools] : onlyPackages }),
      ...(noPackages && { bannedExternalImports: tests ? noPackages.filter((name) => !testTools.includes(name)) : noPackages }),
    })),
  };
}
