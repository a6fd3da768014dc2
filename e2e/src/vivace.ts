import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePorts } from './free-ports.ts';
import { ServerProcess } from './server-process.ts';

/** Of `localhost` and 127.0.0.1; it signs itself. */
export const CERTIFICATE = {
  cert: path.resolve(import.meta.dirname, '../../testdata/otlp/tls/cert.pem'),
  key: path.resolve(import.meta.dirname, '../../testdata/otlp/tls/key.pem'),
};

export interface VivaceOptions {
  /** Keys of the `ingester` block, as all below. */
  readonly ingester?: Readonly<Record<string, string | number>>;
  readonly wal?: Readonly<Record<string, string | number>>;
  /** Where blocks are, as keys of `storage.trace`; a local folder unless said otherwise. */
  readonly store?: string;
  /** Further lines of the configuration file. */
  readonly more?: string;
  /** Edits the whole configuration file, given where the process may listen and store. */
  readonly file?: (places: Places) => string;
  /** Environment besides that of the test. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of the OTLP receivers. */
  readonly grpc?: Readonly<Record<string, string | number>>;
  readonly http?: Readonly<Record<string, string | number>>;
  /** TLS of the query API, HTTP and gRPC. */
  readonly tls?: boolean;
  /** YAML of the overrides of single tenants: `name: { … }` lines. */
  readonly tenants?: string;
}

export interface Places {
  readonly dir: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly otlpGrpcPort: number;
  readonly otlpHttpPort: number;
}

/** A real process on loopback, free ports and a folder of its own. */
export class Vivace extends ServerProcess {
  readonly dir: string;
  readonly http: string;
  /** Host and port of the gRPC query API. */
  readonly grpc: string;
  readonly otlpGrpc: string;
  readonly otlpHttp: string;

  private constructor(dir: string, ports: readonly number[], configFile: string, { env = {}, tls = false }: VivaceOptions) {
    const http = tls ? `https://localhost:${ports[0]}` : `http://127.0.0.1:${ports[0]}`;
    super({ configFile, http, env });
    this.dir = dir;
    this.http = http;
    this.grpc = `${tls ? 'localhost' : '127.0.0.1'}:${ports[1]}`;
    this.otlpGrpc = `127.0.0.1:${ports[2]}`;
    this.otlpHttp = `http://127.0.0.1:${ports[3]}`;
  }

  /** Prepares folder and configuration; nothing runs until `start`. */
  static async create(options: VivaceOptions = {}): Promise<Vivace> {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vivace-e2e-'));
    const ports = await freePorts(4);
    const configFile = path.join(dir, 'vivace.yaml');
    const lines = (block: Readonly<Record<string, string | number>> = {}) =>
      Object.entries(block)
        .map(([key, value]) => `${key}: ${value}`)
        .join(', ');
    const tls = `{ cert_file: ${CERTIFICATE.cert}, key_file: ${CERTIFICATE.key} }`;
    fs.writeFileSync(path.join(dir, 'tenants.yaml'), `overrides:\n${(options.tenants ?? '').replaceAll(/^/gm, '  ')}\n`);
    fs.writeFileSync(
      configFile,
      [
        `server: { http_listen_address: 127.0.0.1, http_listen_port: ${ports[0]}, grpc_listen_address: 127.0.0.1, grpc_listen_port: ${ports[1]}${options.tls ? `, http_tls_config: ${tls}, grpc_tls_config: ${tls}` : ''} }`,
        `distributor: { receivers: { otlp: { protocols: { grpc: { ${lines({ endpoint: `127.0.0.1:${ports[2]}`, ...options.grpc })} }, http: { ${lines({ endpoint: `127.0.0.1:${ports[3]}`, ...options.http })} } } } } }`,
        `ingester: { ${lines(options.ingester)} }`,
        `storage: { trace: { ${options.store ?? `backend: local, local: { path: ${dir}/blocks }`}, blocklist_poll: 5s, wal: { path: ${dir}/wal, ${lines(options.wal)} } } }`,
        `overrides: { defaults: { ingestion: { rate_limit_bytes: 1GB, burst_size_bytes: 1GB, max_traces_per_user: 0 } }, per_tenant_override_config: ${dir}/tenants.yaml }`,
        options.more ?? '',
        '',
      ].join('\n'),
    );
    if (options.file)
      fs.writeFileSync(configFile, options.file({ dir, httpPort: ports[0], grpcPort: ports[1], otlpGrpcPort: ports[2], otlpHttpPort: ports[3] }));
    return new Vivace(dir, ports, configFile, options);
  }

  async flush(): Promise<void> {
    const response = await fetch(`${this.http}/flush`, { method: 'POST' });
    if (response.status !== 204) throw new Error(`flush: ${response.status} ${await response.text()}`);
  }

  /** Sends an OTLP/JSON request; fails unless all of it was accepted. */
  async push(request: object, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const response = await fetch(`${this.otlpHttp}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(request),
    });
    const text = await response.text();
    if (response.status !== 200 || text !== '{"partialSuccess":{}}') throw new Error(`push: ${response.status} ${text}`);
  }

  /** The `meta.json` of every stored block. */
  blocks(): string[] {
    return fs.globSync(`${this.dir}/blocks/*/*/meta.json`);
  }

  /** Ends the process and removes the folder. */
  async destroy(): Promise<void> {
    await this.kill('SIGKILL');
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}
