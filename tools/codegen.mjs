// Generates libs/proto/src/gen from proto/ with the pinned buf and protoc-gen-es; works offline.
//   node tools/codegen.mjs            writes
//   node tools/codegen.mjs --check    exits 1 when what is committed differs
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const bin = path.join(root, 'node_modules/.bin');
const committed = path.join(root, 'libs/proto/src/gen');

/** Runs buf with its output redirected to `out`. */
function generate(out) {
  const template = fs.readFileSync(path.join(root, 'proto/buf.gen.yaml'), 'utf8').replace('../libs/proto/src/gen', out);
  execFileSync(path.join(bin, 'buf'), ['generate', '--template', template], {
    cwd: path.join(root, 'proto'),
    stdio: 'inherit',
    env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` },
  });
}

/** Relative path → text of every file below `dir`. */
function snapshot(dir) {
  const files = fs.existsSync(dir) ? fs.readdirSync(dir, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()) : [];
  return new Map(files.map((e) => path.join(e.parentPath, e.name)).map((file) => [path.relative(dir, file), fs.readFileSync(file, 'utf8')]));
}

if (process.argv.includes('--check')) {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'vivace-codegen-'));
  try {
    generate(scratch);
    const want = snapshot(scratch);
    const have = snapshot(committed);
    const drift = [...new Set([...want.keys(), ...have.keys()])].filter((file) => want.get(file) !== have.get(file));
    if (drift.length > 0) {
      console.error(`libs/proto/src/gen differs from proto/: ${drift.join(', ')}; run npm run codegen`);
      process.exitCode = 1;
    }
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
} else generate(committed);
