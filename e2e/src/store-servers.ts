import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { StorageSharedKeyCredential, ContainerClient } from '@azure/storage-blob';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { StoreSettings } from '@vivace/object-store';
import { cacheFolder } from './cache-folder.ts';
import { freePorts } from './free-ports.ts';
import { installGoProgram } from './go-program.ts';

// Real servers of the three protocols on loopback, each with one bucket and a folder of its own.

const START_TIMEOUT_MS = 30_000;
const AZURITE_VERSION = '3.36.0';
const exec = promisify(execFile);

export const BUCKET = 'traces';
export const S3_KEYS = { accessKey: 'vivace-e2e', secretKey: 'not-a-secret-of-anybody' };
/** The account that every Azurite has (https://github.com/Azure/Azurite#default-storage-account). */
const AZURITE_ACCOUNT = 'devstoreaccount1';
const AZURITE_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

export interface StoreServer<S extends StoreSettings = StoreSettings> {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Of a store in its bucket. */
  readonly settings: S;
  stop(): Promise<void>;
}

export interface S3Server extends StoreServer<Extract<StoreSettings, { backend: 's3' }>> {
  /** Again, on the same port and data, after `stop`. */
  start(): Promise<void>;
  /** Takes connections and answers nothing, until `goOn`. */
  hang(): void;
  goOn(): void;
  /** For good. */
  destroy(): Promise<void>;
}

const noTls = { certFile: '', keyFile: '', caFile: '', serverName: '', skipVerify: false, ciphers: '', minVersion: undefined };
const noHedging = { afterMs: 0, upTo: 1 };

/** The Versity S3 gateway on a folder: SigV4, ranges, multipart uploads, paged listings. */
export async function startS3Server(): Promise<S3Server> {
  const program = await installGoProgram({ name: 'versitygw', package: 'github.com/versity/versitygw/cmd/versitygw', version: 'v1.8.0' });
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vivace-s3-'));
  for (const folder of ['data', 'sidecar']) fs.mkdirSync(path.join(dir, folder));
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  let running: Running | undefined;
  const server = {
    url,
    settings: {
      backend: 's3' as const,
      s3: {
        bucket: BUCKET,
        prefix: '',
        endpoint: `127.0.0.1:${port}`,
        region: '',
        ...S3_KEYS,
        sessionToken: '',
        insecure: true,
        partBytes: 0,
        hedging: noHedging,
        pathStyle: undefined,
        dualStack: false,
        tags: {},
        storageClass: '',
        metadata: {},
        sse: { type: '' as const, kmsKeyId: '', kmsContext: '', customerKey: '' },
        tls: noTls,
      },
    },
    async start() {
      const flags = ['--quiet', '--keep-alive', '--port', `127.0.0.1:${port}`, '--access', S3_KEYS.accessKey, '--secret', S3_KEYS.secretKey];
      running = run(program, [...flags, 'posix', '--sidecar', path.join(dir, 'sidecar'), path.join(dir, 'data')]);
      await answering(url, running);
    },
    async stop() {
      await running?.end();
      running = undefined;
    },
    hang: () => running?.signal('SIGSTOP'),
    goOn: () => running?.signal('SIGCONT'),
    async destroy() {
      await server.stop();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
  await server.start();
  const credentials = { accessKeyId: S3_KEYS.accessKey, secretAccessKey: S3_KEYS.secretKey };
  const client = new S3Client({ endpoint: url, region: 'us-east-1', forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  client.destroy();
  return server;
}

export async function startGcsServer(): Promise<StoreServer> {
  const program = await installGoProgram({ name: 'fake-gcs-server', package: 'github.com/fsouza/fake-gcs-server', version: 'v1.56.1' });
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const running = run(program, [
    '-scheme',
    'http',
    '-host',
    '127.0.0.1',
    '-port',
    String(port),
    '-public-host',
    `127.0.0.1:${port}`,
    '-external-url',
    url,
    '-backend',
    'memory',
    '-log-level',
    'error',
  ]);
  await answering(`${url}/storage/v1/b`, running);
  const created = await fetch(`${url}/storage/v1/b?project=e2e`, {
    method: 'POST',
    body: JSON.stringify({ name: BUCKET }),
    headers: { 'content-type': 'application/json' },
  });
  if (!created.ok) throw new Error(`bucket: ${created.status} ${await created.text()}`);
  return {
    url,
    settings: {
      backend: 'gcs',
      gcs: {
        bucket: BUCKET,
        prefix: '',
        chunkBytes: 1_048_576,
        endpoint: url,
        hedging: noHedging,
        insecure: true,
        cacheControl: 'no-cache',
        metadata: { written: 'e2e' },
        maxAttempts: 3,
      },
    },
    stop: () => running.end(),
  };
}

export async function startAzureServer(): Promise<StoreServer> {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const running = run(process.execPath, [
    await installAzurite(),
    '--inMemoryPersistence',
    '--skipApiVersionCheck',
    '--disableTelemetry',
    '--silent',
    '--blobHost',
    '127.0.0.1',
    '--blobPort',
    String(port),
  ]);
  await answering(url, running);
  const container = new ContainerClient(`${url}/${AZURITE_ACCOUNT}/${BUCKET}`, new StorageSharedKeyCredential(AZURITE_ACCOUNT, AZURITE_KEY));
  await container.create();
  return {
    url,
    settings: {
      backend: 'azure',
      azure: {
        account: AZURITE_ACCOUNT,
        accountKey: AZURITE_KEY,
        managedIdentity: false,
        federatedToken: false,
        userAssignedId: '',
        container: BUCKET,
        prefix: '',
        endpointSuffix: `127.0.0.1:${port}`,
        partsAtOnce: 4,
        partBytes: 1_048_576,
        hedging: noHedging,
      },
    },
    stop: () => running.end(),
  };
}

/** Azurite is a program, not a library, with hundreds of packages of its own: it is kept beside the other programs, out of the repository. */
async function installAzurite(): Promise<string> {
  const folder = cacheFolder(`azurite-${AZURITE_VERSION}`);
  const program = path.join(folder, 'node_modules/azurite/dist/src/blob/main.js');
  if (fs.existsSync(program)) return program;
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  try {
    await exec('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `azurite@${AZURITE_VERSION}`], { cwd: folder });
  } catch (cause) {
    throw new Error(`azurite is needed and could not be installed: allow the npm registry, or install azurite@${AZURITE_VERSION} in ${folder}`, { cause });
  }
  return program;
}

interface Running {
  readonly signal: (signal: 'SIGSTOP' | 'SIGCONT') => void;
  readonly ended: () => string | undefined;
  end(): Promise<void>;
}

function run(program: string, args: readonly string[]): Running {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  // Also when a test fails before it can end it.
  const onExit = (): void => void child.kill('SIGKILL');
  process.once('exit', onExit);
  const gone = new Promise<void>((resolve) =>
    child.once('exit', () => {
      process.off('exit', onExit);
      resolve();
    }),
  );
  return {
    signal: (signal) => void child.kill(signal),
    ended: () => (child.exitCode === null && child.signalCode === null ? undefined : output.slice(-2_000)),
    async end() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function answering(url: string, running: Running): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const output = running.ended();
    if (output !== undefined) throw new Error(`server of ${url} has ended: ${output}`);
    const answered = await fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
      async (response) => (await response.text(), true),
      () => false,
    );
    if (answered) return;
    if (Date.now() > deadline) throw new Error(`nothing answers at ${url}`);
    await sleep(50);
  }
}
