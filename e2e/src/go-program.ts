import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.ts';

const INSTALL_TIMEOUT_MS = 540_000;
const exec = promisify(execFile);

export interface GoProgram {
  readonly name: string;
  /** Import path of its `main`. */
  readonly package: string;
  readonly version: string;
}

/** The path of the program, built once a machine into a cache folder of the user. Fails, with what to do, where it cannot be had. */
export async function installGoProgram({ name, package: main, version }: GoProgram): Promise<string> {
  const folder = cacheFolder(`${name}-${version}`);
  const program = path.join(folder, name);
  if (fs.existsSync(program)) return program;
  try {
    await exec('go', ['install', `${main}@${version}`], { env: { ...process.env, GOBIN: folder }, timeout: INSTALL_TIMEOUT_MS });
  } catch (cause) {
    throw new Error(`${name} is needed and could not be built: install Go 1.26 or later and allow its module proxy, or put the program at ${program}`, {
      cause,
    });
  }
  return program;
}
