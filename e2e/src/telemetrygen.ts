import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

// The load generator of the OpenTelemetry Collector: a client in Go, which encodes and compresses with other code than ours.

const VERSION = 'v0.161.0';
const PACKAGE = `github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@${VERSION}`;
const INSTALL_TIMEOUT_MS = 540_000;
const RUN_TIMEOUT_MS = 60_000;

const exec = promisify(execFile);

/** The program, built once a machine into a cache folder of the user. Fails, with what to do, where it cannot be had. */
export async function installTelemetrygen(): Promise<string> {
  const cache = process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache');
  const folder = path.join(cache, 'vivace-e2e', `telemetrygen-${VERSION}`);
  const program = path.join(folder, 'telemetrygen');
  if (fs.existsSync(program)) return program;
  try {
    await exec('go', ['install', PACKAGE], { env: { ...process.env, GOBIN: folder }, timeout: INSTALL_TIMEOUT_MS });
  } catch (cause) {
    throw new Error(`telemetrygen is needed and could not be built: install Go 1.25 or later and allow its module proxy, or put the program at ${program}`, {
      cause,
    });
  }
  return program;
}

/** Runs `telemetrygen traces` to its end. */
export async function generateTraces(program: string, args: readonly string[]): Promise<void> {
  await exec(program, ['traces', '--otlp-insecure', ...args], { timeout: RUN_TIMEOUT_MS });
}
