// The commands of the workspace: `node tools/run.mjs <command> [arguments]`, which the scripts in package.json call. Each does what
// has to be done before it (install, build) by itself. Runs on any Node 20 or later, and has the pinned one (node_modules/node) do the work.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const modules = path.join(root, 'node_modules');

const commands = {
  start: async (args) => {
    await build();
    await node('apps/vivace/dist/main.js', ...args);
  },
  dev: async (args) => {
    await build();
    await together(
      () => tsc('--build', '--watch', '--preserveWatchOutput', ...buildProjects()),
      () => node('--watch', '--watch-preserve-output', 'apps/vivace/dist/main.js', ...args),
    );
  },
  build,
  unit: async (args) => {
    await install();
    await vitest(...args);
  },
  test: async (args) => {
    await build();
    const clean = await lint();
    if (!clean) console.error('\nlint failed, see above; the tests run all the same');
    await vitest(...args);
    if (!clean) process.exit(1);
  },
  lint: async () => {
    await install();
    if (!(await lint())) process.exit(1);
  },
  format: async () => {
    await install();
    // That rule's repairs do not always compile.
    await node('node_modules/eslint/bin/eslint.js', '--fix', '--rule', '{"@typescript-eslint/no-unnecessary-type-assertion": "off"}', '.');
    await run('biome', ['format', '--write']);
  },
  codegen: async () => {
    await install();
    await node('tools/codegen.mjs');
    await node('--conditions=@vivace/source', 'tools/gen-config-docs.mjs');
  },
  e2e: async (args) => {
    await build();
    await vitest('--config', 'e2e/vitest.config.ts', ...args);
  },
  bench: async (args) => {
    await build();
    await node('--conditions=@vivace/source', 'bench/src/main.ts', ...args);
  },
};

async function build() {
  await install();
  await tsc('--build', ...buildProjects());
}

/** Checks everything that can be checked without running it; says whether all was well, so that one run shows all that is not. */
async function lint() {
  const checks = [
    ['node', 'node_modules/typescript/bin/tsc', '--project', 'tsconfig.spec.json'],
    ['node', 'node_modules/eslint/bin/eslint.js', '.'],
    ['biome', 'format', '.'],
    ['knip', '--no-config-hints'],
    ['node', 'tools/codegen.mjs', '--check'],
  ];
  let clean = true;
  for (const [program, ...args] of checks) clean = (await runChild(program, args)) === 0 && clean;
  return clean;
}

/** Installs what the lockfile says unless it is there. Not `npm ci`, which begins by deleting everything that is. */
async function install() {
  if (!isInstalled()) await run('npm', ['install', '--no-save', '--no-audit', '--no-fund'], process.env);
}

function isInstalled() {
  const installed = path.join(modules, '.package-lock.json');
  if (!existsSync(installed) || !existsSync(path.join(modules, '.bin/node'))) return false;
  const want = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  // Packages for other platforms are optional and absent.
  return Object.entries(want).every(
    ([name, { version, optional, link }]) => !name.includes('node_modules/') || optional || (link ? have[name]?.link : have[name]?.version === version),
  );
}

function buildProjects() {
  const projects = ['libs', 'apps'].flatMap((dir) => readdirSync(path.join(root, dir)).map((name) => path.join(dir, name)));
  return projects.filter((project) => existsSync(path.join(root, project, 'tsconfig.json')));
}

const node = (...args) => run('node', args);
const tsc = (...args) => node('node_modules/typescript/bin/tsc', ...args);
const vitest = (...args) => node('node_modules/vitest/vitest.mjs', 'run', ...args);

/** Runs a program to its end; ends this process with the same code unless that was 0. */
async function run(program, args, env) {
  const code = await runChild(program, args, env);
  if (code !== 0) process.exit(code);
}

/** Runs all at once until the first of them ends. */
async function together(...starts) {
  await Promise.race(starts.map((start) => start()));
  process.exit(0);
}

/** The environment in which `node` is the pinned one. */
function pinnedEnv() {
  return { ...process.env, PATH: `${path.join(modules, '.bin')}${path.delimiter}${process.env.PATH}`, NX_DAEMON: 'false' };
}

/** Runs a program and resolves with its exit code; a signal that ended it ends this process too. */
function runChild(program, args, env = pinnedEnv()) {
  const child = spawn(program, args, { cwd: root, stdio: 'inherit', env });
  // A terminal sends Ctrl-C to the child too, and twice would mean at once.
  const forward = (signal) => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      for (const name of signals) process.off(name, forward);
      if (signal) process.kill(process.pid, signal);
      else resolve(code);
    });
  });
}

const [name, ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
if (!command) {
  console.error(`usage: node tools/run.mjs <${Object.keys(commands).join('|')}> [arguments]`);
  process.exit(2);
}
await command(args);
