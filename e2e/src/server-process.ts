import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const MAIN = path.resolve(import.meta.dirname, '../../apps/vivace/dist/main.js');
const START_TIMEOUT_MS = 120_000;

export interface ServerProcessOptions {
  readonly configFile: string;
  /** Where it answers HTTP. */
  readonly http: string;
  /** Where it answers the query API; `http` unless said otherwise. */
  readonly door?: string;
  /** Environment besides that of the test. */
  readonly env?: Readonly<Record<string, string>>;
  /** Command and arguments that run the process, which follows as arguments of theirs. */
  readonly wrapper?: readonly string[];
}

/** Something that answers the query API. */
export interface QueryDoor {
  get(pathAndQuery: string, headers?: Readonly<Record<string, string>>): Promise<{ status: number; body: string }>;
}

/** One process after the other with the same configuration: it can be killed and started again. */
export class ServerProcess implements QueryDoor {
  readonly #options: ServerProcessOptions;
  #child: ChildProcess | undefined;
  /** Everything the processes have logged. */
  log = '';

  constructor(options: ServerProcessOptions) {
    this.#options = options;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('not running');
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Starts the process, with flags beside its file, and resolves when it is ready. */
  async start(...flags: string[]): Promise<void> {
    const { configFile, env, wrapper = [] } = this.#options;
    const [command, ...args] = [...wrapper, process.execPath, MAIN, `-config.file=${configFile}`, ...flags];
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (this.log += chunk.toString()));
    await this.ready();
  }

  /** Resolves when `/ready` says so; rejects when the process ends instead. */
  async ready(): Promise<void> {
    const child = this.#child;
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      if (!child || child.exitCode !== null || child.signalCode !== null)
        throw new Error(`vivace ended with ${child?.exitCode ?? child?.signalCode} while starting:\n${this.log.slice(-4000)}`);
      if (await isReady(this.#options.http)) return;
      if (Date.now() > deadline) throw new Error(`vivace was not ready after ${START_TIMEOUT_MS} ms:\n${this.log.slice(-4000)}`);
      await sleep(50);
    }
  }

  /** Sends a signal and resolves with the exit code (null when the signal ended it) once the process is gone. */
  async kill(signal: NodeJS.Signals): Promise<number | null> {
    if (this.#child?.exitCode === null) this.#child.kill(signal);
    return this.ended();
  }

  /** A process that answers nothing, while its connections stay: as if it were cut from the network. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Resolves with the exit code (null when a signal ended it) once the process is gone. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    return new Promise((resolve) => child.once('exit', resolve));
  }

  /** What was logged as an error. */
  errors(): string[] {
    return this.log.split('\n').filter((line) => line.includes('level=error'));
  }

  async get(pathAndQuery: string, headers: Readonly<Record<string, string>> = {}): Promise<{ status: number; body: string }> {
    const { http, door = http } = this.#options;
    const response = await fetch(door + pathAndQuery, { headers, signal: AbortSignal.timeout(30_000) });
    return { status: response.status, body: await response.text() };
  }
}

function isReady(base: string): Promise<boolean> {
  const { get } = base.startsWith('https') ? https : http;
  return new Promise((resolve) => {
    const request = get(`${base}/ready`, { rejectUnauthorized: false, signal: AbortSignal.timeout(1_000) }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });
}
