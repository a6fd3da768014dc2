import type { Duplex } from 'node:stream';
import { AppError, rpcCode, rpcStatus } from '@vivace/base';
import type { RpcMethod, RpcStatus, TenantId } from '@vivace/base';
import { BodyPool } from './body-pool.ts';
import { corkedWriter } from './corked-writer.ts';
import { FrameReader } from './frame-reader.ts';
import type { FrameHandler } from './frame-reader.ts';
import { answerPrefix, bareFrame, CANCEL, failureFrame, hello, LEAVING, PING, PONG, readHello, readRequest, REQUEST } from './protocol.ts';
import type { Request } from './protocol.ts';

export interface DirectServerOptions {
  readonly methods: readonly RpcMethod[];
  /** Longest message of a request, and the setting that says so. */
  readonly maxReceiveBytes: number;
  readonly receiveLimitKey: string;
  /** Longest answer; a shorter limit of the client holds too. */
  readonly maxSendBytes: number;
  readonly sendLimitKey: string;
  /** The tenant of a request from what the client says; throws an AppError. */
  readonly tenantOf: (text: string) => TenantId;
  /** Told of every call that has ended, and when it began by `performance.now()`. */
  readonly observe: (path: string, status: RpcStatus, elapsedMs: number) => void;
  /** Connections silent for so long are ended: clients say something every few seconds. */
  readonly silenceMs?: number;
}

/** Answers direct calls. */
export interface DirectServer {
  /** Takes over a connection, after TLS if there is any; bytes read already are back in its buffer. */
  accept(connection: Duplex): void;
  /** Tells clients to go elsewhere, and lets open calls end for so long. */
  stop(timeoutMs: number): Promise<void>;
}

const SILENCE_MS = 60_000;
/** Path, tenant and time-out of a request come on top of its message. */
const HEAD_BYTES = 0x1_0000 + 0x100 + 8;
/** Of all connections: with more under way nothing more is read. */
const MAX_OPEN_BYTES = 256 * 1024 * 1024;
/** Of one connection. */
const MAX_OPEN_CALLS = 4_096;
/** Answers that a client does not read. */
const MAX_UNREAD_BYTES = 1024 * 1024;
const MAX_IDLE_BODY_BYTES = 16 * 1024 * 1024;

/** What the connections of a server share. */
interface Shared extends DirectServerOptions {
  readonly byPath: ReadonlyMap<string, RpcMethod>;
  readonly pool: BodyPool;
  readonly connections: Set<Connection>;
  openBytes: number;
}

export function createDirectServer(options: DirectServerOptions): DirectServer {
  const connections = new Set<Connection>();
  const byPath = new Map(options.methods.map((method) => [method.path, method]));
  const shared: Shared = { ...options, byPath, pool: new BodyPool(MAX_IDLE_BODY_BYTES), connections, openBytes: 0 };
  let isStopping = false;
  return {
    accept(socket) {
      if (isStopping) socket.destroy();
      else connections.add(new Connection(socket, shared));
    },
    async stop(timeoutMs) {
      isStopping = true;
      const gone = [...connections].map((connection) => connection.leave());
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, timeoutMs);
      await Promise.race([Promise.all(gone), late]);
      clearTimeout(timer);
      for (const connection of connections) connection.end();
    },
  };
}

class Connection implements FrameHandler {
  readonly #socket: Duplex & { setTimeout?(ms: number): void };
  readonly #send: ReturnType<typeof corkedWriter>;
  readonly #shared: Shared;
  readonly #reader: FrameReader;
  readonly #calls = new Map<number, AbortController>();
  readonly #gone = Promise.withResolvers<void>();
  /** The longest answer that the client takes. */
  #maxAnswerBytes = 0;
  #isPaused = false;
  #isEnded = false;

  constructor(socket: Duplex, shared: Shared) {
    this.#socket = socket;
    this.#send = corkedWriter(socket);
    this.#shared = shared;
    this.#reader = new FrameReader(this, shared.pool);
    this.#write(hello(shared.maxReceiveBytes));
    socket.on('error', () => undefined);
    socket.on('close', () => this.end());
    socket.on('drain', () => this.resume());
    socket.on('timeout', () => socket.destroy());
    this.#socket.setTimeout?.(shared.silenceMs ?? SILENCE_MS);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.resume();
  }

  leave(): Promise<void> {
    this.#write(bareFrame(LEAVING, 0));
    return this.#gone.promise;
  }

  end(): void {
    this.#socket.destroy();
    this.#letGo();
  }

  /** Nothing that it says from here on can be understood; it may read what was said to it, the version for one. */
  #refuse(): void {
    this.#letGo();
    this.#socket.pause();
    this.#socket.end(() => this.#socket.destroy());
  }

  #letGo(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#shared.connections.delete(this);
    this.#reader.end();
    for (const controller of this.#calls.values()) controller.abort(new AppError('canceled', 'the client went away'));
    this.#gone.resolve();
  }

  /** Reads on, when nothing stands against it any more. */
  resume(): void {
    if (!this.#isPaused || this.#isFull()) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  hello(bytes: Buffer): void {
    this.#maxAnswerBytes = Math.min(readHello(bytes), this.#shared.maxSendBytes);
  }

  limit(kind: number): number | undefined {
    if (kind === REQUEST) return this.#shared.maxReceiveBytes + HEAD_BYTES;
    return kind === CANCEL || kind === PING ? 0 : undefined;
  }

  frame(kind: number, call: number, body: Buffer): void {
    if (kind === REQUEST) this.#begin(call, body);
    else if (kind === CANCEL) this.#calls.get(call)?.abort(new AppError('canceled', 'the client cancelled the call'));
    else this.#write(bareFrame(PONG, call));
  }

  tooLong(kind: number, call: number, bytes: number): void {
    if (kind !== REQUEST) throw new AppError('invalid_argument', `rpc: frame of kind ${kind} has ${bytes} bytes`);
    this.#write(failureFrame(call, rpcCode('resource_exhausted'), this.#tooLarge(bytes)));
  }

  #tooLarge(bytes: number): string {
    return `message has ${bytes} bytes, limit ${this.#shared.receiveLimitKey} ${this.#shared.maxReceiveBytes}`;
  }

  #read(chunk: Buffer): void {
    try {
      this.#reader.read(chunk);
    } catch {
      this.#refuse();
      return;
    }
    if (this.#isPaused || !this.#isFull()) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  #isFull(): boolean {
    return this.#shared.openBytes > MAX_OPEN_BYTES || this.#calls.size >= MAX_OPEN_CALLS || this.#socket.writableLength > MAX_UNREAD_BYTES;
  }

  #begin(call: number, body: Buffer): void {
    const request = readRequest(body);
    if (this.#calls.has(call)) throw new AppError('invalid_argument', `rpc: call ${call} is open already`);
    const controller = new AbortController();
    this.#calls.set(call, controller);
    this.#shared.openBytes += body.length;
    void this.#answer(call, request, controller).then((keepsBody) => {
      if (!keepsBody) this.#shared.pool.give(body);
      this.#calls.delete(call);
      this.#shared.openBytes -= body.length;
      for (const connection of this.#shared.connections) connection.resume();
    });
  }

  /** Resolves with whether the request may still be looked at. */
  async #answer(call: number, { path, tenant, timeoutMs, message }: Request, controller: AbortController): Promise<boolean> {
    const beganMs = performance.now();
    const method = this.#shared.byPath.get(path);
    const timer = timeoutMs > 0 ? setTimeout(expire, timeoutMs, controller) : undefined;
    let answer: Uint8Array | undefined;
    const status = await this.#handle(method, path, tenant, message, controller.signal, (given) => {
      if (answer) throw new AppError('unimplemented', `${path} answers more than one message, call it over gRPC`);
      if (given.length > this.#maxAnswerBytes)
        throw new AppError('resource_exhausted', `message has ${given.length} bytes, limit ${this.#shared.sendLimitKey} ${this.#maxAnswerBytes}; ask for less`);
      answer = given;
    });
    clearTimeout(timer);
    this.#shared.observe(method ? path : 'unknown', status, performance.now() - beganMs);
    if (status.code !== 0) this.#write(failureFrame(call, status.code, status.details));
    else if (!answer) this.#write(failureFrame(call, rpcCode('internal'), `${path} answered nothing`));
    else this.#write(answerPrefix(call, answer.length), answer);
    return !(method?.borrowsRequest ?? false);
  }

  async #handle(
    method: RpcMethod | undefined,
    path: string,
    tenant: string,
    request: Uint8Array,
    signal: AbortSignal,
    take: (message: Uint8Array) => void,
  ): Promise<RpcStatus> {
    try {
      if (!method) throw new AppError('unimplemented', `method ${path} is unknown`);
      if (request.length > this.#shared.maxReceiveBytes) throw new AppError('resource_exhausted', this.#tooLarge(request.length));
      return await method.handle({ request, tenant: this.#shared.tenantOf(tenant), signal, send: async (message) => take(message) });
    } catch (reason) {
      return rpcStatus(AppError.from(reason));
    }
  }

  #write(...parts: readonly Uint8Array[]): void {
    if (!this.#isEnded) this.#send(...parts);
  }
}

function expire(controller: AbortController): void {
  controller.abort(new AppError('deadline_exceeded', 'the time of the call is up'));
}
