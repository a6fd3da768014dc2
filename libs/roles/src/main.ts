import { systemClock } from '@vivace/base';
import { readCommandLine } from './command-line.ts';
import { withMemorySettings } from './memory.ts';
import { run } from './run.ts';
import { writerTo } from './writer-to.ts';

/** The whole of a process: `target` is its role, or what `-target` says when left out. */
export async function main(target?: string): Promise<void> {
  withMemorySettings(process.env);
  const beganMs = systemClock.now() - process.uptime() * 1_000;
  const write = writerTo(process.stderr);
  const flags = target === undefined ? [] : [`-target=${target}`];
  const line = readCommandLine([...process.argv.slice(2), ...flags], process.env, { out: writerTo(process.stdout), err: write });
  if (line.kind === 'exit') {
    process.exitCode = line.code;
    return;
  }
  await run({
    loaded: line.loaded,
    env: process.env,
    clock: systemClock,
    beganMs,
    write,
    exit: (code) => process.exit(code),
    onSignal: (handler) => void process.on('SIGTERM', handler).on('SIGINT', handler),
  });
}
