import fs from 'node:fs';
import nx from '@nx/eslint-plugin';
import { createProjectGraphAsync } from '@nx/devkit';
import tseslint from 'typescript-eslint';
import { boundaryOptions } from './tools/lint/layers.ts';

// Without a project graph the boundary rule only warns and lets everything pass; made here, it is fresh and its absence is an error.
process.env.NX_DAEMON = 'false';
await createProjectGraphAsync({ exitOnError: false });

const TESTS = ['**/*.spec.ts', '**/*.contract.ts', '**/*.fixture.ts', '**/*.spec-worker.ts', 'libs/testkit/**', 'e2e/**', 'bench/**'];
const SOURCES = ['libs/*/src/**/*.ts', 'apps/*/src/**/*.ts'];

/** `libs/<name>/src` of the projects with a tag. */
const tagged = (tag) =>
  fs
    .globSync('libs/*/package.json')
    .filter((file) => JSON.parse(fs.readFileSync(file, 'utf8')).nx.tags.includes(tag))
    .map((file) => file.replace('package.json', 'src/**/*.ts'));

const timersAreInjected = 'take timers as a dependency, so that tests never sleep';
const clockIsInjected = 'take a Clock as a dependency, so that tests never sleep';

const importPatterns = [
  { regex: '(^|/)index\\.ts$', message: 'index.ts is for other projects; import the file' },
  { regex: '^\\.{1,2}/(?!.*\\.(ts|js|mjs|json)$)', message: 'import the file, with its extension' },
];
const sourceSyntax = [
  { selector: 'ExportAllDeclaration', message: 'list what is exported' },
  { selector: 'ExportDefaultDeclaration', message: 'export by name' },
  { selector: "MemberExpression[object.name='process'][property.name='env']", message: 'settings come from @vivace/config' },
];
const pureSyntax = [
  ...sourceSyntax,
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: clockIsInjected },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: clockIsInjected },
];
const timerGlobals = ['setTimeout', 'setInterval'].map((name) => ({ name, message: timersAreInjected }));
const nodeGlobals = ['process', 'Buffer', 'setImmediate'].map((name) => ({ name, message: 'a runtime:pure library runs anywhere' }));

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', '.nx/', 'libs/proto/src/gen/', 'testdata/', 'coverage/', 'data/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{ts,mjs}'],
    languageOptions: { parser: tseslint.parser },
    rules: { eqeqeq: 'error', 'no-var': 'error', 'prefer-const': 'error' },
  },
  {
    files: ['**/*.ts'],
    plugins: { '@typescript-eslint': tseslint.plugin, '@nx': nx },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unsafe-argument': 'error',
      '@typescript-eslint/no-unsafe-assignment': 'error',
      '@typescript-eslint/no-unsafe-call': 'error',
      '@typescript-eslint/no-unsafe-member-access': 'error',
      '@typescript-eslint/no-unsafe-return': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      // A promise returned out of a `try` escapes its `catch` and `finally`.
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      // A `default` that ends in unreachable(x) is checked by the compiler.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['libs/**/*.ts', 'apps/**/*.ts', 'e2e/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@nx/enforce-module-boundaries': ['error', boundaryOptions('sources')],
      'no-restricted-imports': ['error', { patterns: importPatterns }],
    },
  },
  { files: SOURCES, rules: { 'no-restricted-syntax': ['error', ...sourceSyntax], 'no-console': 'error' } },
  {
    // Engines know no time and no process; how they read bytes is their own business.
    files: tagged('type:engine'),
    rules: { 'no-restricted-syntax': ['error', ...pureSyntax], 'no-restricted-globals': ['error', ...timerGlobals, nodeGlobals[0]] },
  },
  {
    files: tagged('runtime:pure'),
    rules: {
      'no-restricted-imports': ['error', { patterns: [...importPatterns, { regex: '^node:', message: 'a runtime:pure library runs anywhere' }] }],
      'no-restricted-syntax': ['error', ...pureSyntax],
      'no-restricted-globals': ['error', ...timerGlobals, ...nodeGlobals],
    },
  },
  {
    // An interface and its in-memory version are a library's root entry, its backends sub-entries: only apps choose one.
    files: tagged('type:component'),
    rules: {
      'no-restricted-imports': ['error', { patterns: [...importPatterns, { regex: '^@vivace/[^/]+/', message: 'components take what the app chose' }] }],
    },
  },
  {
    files: TESTS,
    rules: {
      '@nx/enforce-module-boundaries': ['error', boundaryOptions('tests')],
      'no-restricted-imports': 'off',
      'no-restricted-syntax': 'off',
      'no-restricted-globals': 'off',
      'no-console': 'off',
      // What JSON.parse gives is `any`; an expectation checks it.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  { files: ['**/*.bench.ts', 'bench/**', 'tools/**'], rules: { 'no-console': 'off' } },
  // Reads the settings of the process and hands them on.
  { files: ['libs/roles/src/main.ts'], rules: { 'no-restricted-syntax': ['error', ...sourceSyntax.slice(0, 2)], 'no-console': 'off' } },
  // The one clock.
  { files: ['libs/base/src/clock.ts'], rules: { 'no-restricted-syntax': ['error', ...sourceSyntax] } },
  // Tools that demand a default export.
  { files: ['**/vitest.config.ts'], rules: { 'no-restricted-syntax': 'off' } },
);
