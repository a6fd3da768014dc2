import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { installGoProgram } from './go-program.ts';

const RUN_TIMEOUT_MS = 60_000;
const exec = promisify(execFile);

/** The load generator of the OpenTelemetry Collector: a client in Go, which encodes and compresses with other code than ours. */
export function installTelemetrygen(): Promise<string> {
  return installGoProgram({
    name: 'telemetrygen',
    package: 'github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen',
    version: 'v0.161.0',
  });
}

/** Runs `telemetrygen traces` to its end. */
export async function generateTraces(program: string, args: readonly string[]): Promise<void> {
  await exec(program, ['traces', '--otlp-insecure', ...args], { timeout: RUN_TIMEOUT_MS });
}
