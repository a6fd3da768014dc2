#!/usr/bin/env node
import { systemClock } from '@vivace/base';
import { readCommandLine } from './command-line.ts';
import { withMemorySettings } from './memory.ts';
import { run } from './run.ts';

withMemorySettings(process.env);

const beganMs = systemClock.now() - process.uptime() * 1_000;
const write = (text: string): void => void process.stderr.write(text);

const line = readCommandLine(process.argv.slice(2), process.env, { out: (text) => void process.stdout.write(text), err: write });
if (line.kind === 'exit') process.exitCode = line.code;
else {
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
