// Creates libs/<name>: `node tools/new-lib.mjs <name> <type> <pure|node> [dependency lib ...]`.
import fs from 'node:fs';
const [name, type, runtime, ...deps] = process.argv.slice(2);
const dir = `libs/${name}`;
fs.mkdirSync(`${dir}/src`, { recursive: true });
const json = (o) => `${JSON.stringify(o, null, 2)}\n`;
fs.writeFileSync(
  `${dir}/package.json`,
  json({
    name: `@vivace/${name}`,
    version: '0.1.0',
    private: true,
    license: 'Apache-2.0',
    type: 'module',
    exports: { '.': { '@vivace/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' } },
    dependencies: Object.fromEntries(deps.map((d) => [`@vivace/${d}`, '*'])),
    nx: { name, tags: [`type:${type}`, `runtime:${runtime}`] },
  }),
);
fs.writeFileSync(
  `${dir}/tsconfig.json`,
  json({
    extends: '../../tsconfig.base.json',
    compilerOptions: { rootDir: 'src', outDir: 'dist', tsBuildInfoFile: 'dist/tsconfig.tsbuildinfo' },
    include: ['src'],
    exclude: ['src/**/*.spec.ts', 'src/**/*.contract.ts', 'src/**/*.fixture.ts'],
    references: deps.map((d) => ({ path: `../${d}` })),
  }),
);
if (!fs.existsSync(`${dir}/src/index.ts`)) fs.writeFileSync(`${dir}/src/index.ts`, 'export {};\n');
if (!fs.existsSync(`${dir}/README.md`)) fs.writeFileSync(`${dir}/README.md`, `# @vivace/${name}\n`);
