import net from 'node:net';
import tls from 'node:tls';
import { AppError, errorCodeOf } from '@vivace/base';
import type { CallOptions, ChannelOptions } from '../options.ts';
import { BodyPool } from './body-pool.ts';
import { corkedWriter } from './corked-writer.ts';
import { FrameReader } from './frame-reader.ts';
import type { FrameHandler } from './frame-reader.ts';
import { ANSWER, bareFrame, CANCEL, FAILURE, hello, LEAVING, PING, PONG, readFailure, readHello, requestPrefix } from './protocol.ts';

export interface DirectClientOptions extends ChannelOptions {
  /** A connection that says nothing for so long is asked whether it is there; as long again, and it is not. */
  readonly silenceMs?: number;
  /** With more that could not be sent yet, of calls that were given up too, calls fail with `resource_exhausted`. */
  readonly maxUnsentBytes?: number;
}

export interface DirectClient {
  /** Calls a method that answers one message. Throws as `RpcChannel.call`. Keeps `request` until it is written, which may be later than the answer: it must not change. */
  ask(path: string, request: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  /** Takes no new calls; open ones end. */
  close(): void;
}

const SILENCE_MS = 5_000;
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;
/** While it waits every call fails: a peer that is back is to be had at once. */
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 500;

/** Direct calls over one connection, made when first used and again when it broke; a call is never sent twice. */
export function createDirectClient(address: string, options: DirectClientOptions): DirectClient {
  let connection: Connection | undefined;
  let backoffMs = 0;
  let retryAtMs = 0;
  let lastFailure: AppError | undefined;
  let isClosed = false;

  function connected(): Connection {
    if (isClosed) throw new AppError('canceled', `${address}: the channel is closed`);
    if (connection?.isOpen) return connection;
    if (lastFailure && performance.now() < retryAtMs) throw lastFailure;
    const made = new Connection(address, options, {
      onReady() {
        backoffMs = 0;
      },
      onEnd(reason) {
        lastFailure = reason;
        // One that worked is made again at once.
        retryAtMs = performance.now() + backoffMs;
        backoffMs = Math.min(MAX_BACKOFF_MS, Math.max(FIRST_BACKOFF_MS, backoffMs * 2));
      },
    });
    return (connection = made);
  }

  return {
    async ask(path, request, { tenant, signal, timeoutMs } = {}) {
      signal?.throwIfAborted();
      return await connected().ask({ path, tenant: tenant ?? '', timeoutMs: timeoutMs ?? 0 }, request, signal);
    },
    close() {
      isClosed = true;
      connection?.leave();
    },
  };
}

interface Pending {
  readonly resolve: (answer: Uint8Array) => void;
  readonly reject: (reason: AppError) => void;
  readonly release: () => void;
}

interface ConnectionEvents {
  /** The other side has spoken. */
  onReady(): void;
  onEnd(reason: AppError): void;
}

class Connection implements FrameHandler {
  readonly #address: string;
  readonly #maxMessageBytes: number;
  readonly #maxUnsentBytes: number;
  readonly #events: ConnectionEvents;
  readonly #socket: net.Socket;
  readonly #send: ReturnType<typeof corkedWriter>;
  readonly #reader: FrameReader;
  readonly #calls = new Map<number, Pending>();
  readonly #watch: NodeJS.Timeout;
  #nextCall = 0;
  /** Turns of the watch since something was heard. */
  #silence = 0;
  #isReady = false;
  #isEnded = false;
  #isLeaving = false;

  constructor(
    address: string,
    { maxMessageBytes, tls: secure, silenceMs = SILENCE_MS, maxUnsentBytes = MAX_UNSENT_BYTES }: DirectClientOptions,
    events: ConnectionEvents,
  ) {
    this.#address = address;
    this.#maxMessageBytes = maxMessageBytes;
    this.#maxUnsentBytes = maxUnsentBytes;
    this.#events = events;
    this.#reader = new FrameReader(this, new BodyPool(0));
    const target = { ...hostAndPort(address), noDelay: true };
    if (secure) {
      const { serverName, ...pem } = secure;
      this.#socket = tls.connect({ ...target, ...pem, servername: serverName ?? (net.isIP(target.host) === 0 ? target.host : '') });
      this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    } else {
      const onread = {
        buffer: SCRATCH,
        callback: (bytes: number): boolean => {
          this.#read(SCRATCH.subarray(0, bytes));
          return true;
        },
      };
      this.#socket = net.connect({ ...target, onread });
    }
    this.#send = corkedWriter(this.#socket);
    this.#socket.on('error', (reason) => this.#fail(reason.message));
    this.#socket.on('close', () => this.#fail('the connection was lost'));
    this.#socket.write(hello(maxMessageBytes));
    this.#watch = setInterval(() => this.#listen(), silenceMs).unref();
  }

  /** Whether it takes calls. */
  get isOpen(): boolean {
    return !this.#isEnded && !this.#isLeaving;
  }

  ask(head: { readonly path: string; readonly tenant: string; readonly timeoutMs: number }, request: Uint8Array, signal: AbortSignal | undefined) {
    return new Promise<Uint8Array>((resolve, reject) => {
      const unsent = this.#socket.writableLength;
      if (unsent > this.#maxUnsentBytes)
        throw new AppError('resource_exhausted', `${this.#address}: ${unsent} bytes wait to be sent, limit ${this.#maxUnsentBytes}`);
      const call = (this.#nextCall = (this.#nextCall + 1) >>> 0);
      const prefix = requestPrefix(call, head, request.length);
      const giveUp = (reason: AppError): void => {
        this.#take(call)?.reject(reason);
        this.#write(bareFrame(CANCEL, call));
      };
      const { timeoutMs, path } = head;
      const timer = timeoutMs > 0 ? setTimeout(giveUpAfter, timeoutMs, giveUp, this.#address, path, timeoutMs) : undefined;
      const onAbort = signal && ((): void => giveUp(AppError.from(signal.reason, 'canceled')));
      signal?.addEventListener('abort', onAbort!, { once: true });
      const release = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort!);
      };
      this.#calls.set(call, { resolve, reject, release });
      this.#write(prefix, request);
    });
  }

  /** Ends it when the last call has ended. */
  leave(): void {
    this.#isLeaving = true;
    if (this.#calls.size === 0) this.#fail('the connection is not needed any more');
  }

  /** Ends the connection and, with `reason`, all calls. */
  #end(reason: AppError): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearInterval(this.#watch);
    this.#reader.end();
    this.#socket.destroy();
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { release, reject } of calls) {
      release();
      reject(reason);
    }
    this.#events.onEnd(reason);
  }

  hello(bytes: Buffer): void {
    readHello(bytes);
    this.#isReady = true;
    this.#events.onReady();
  }

  limit(kind: number): number | undefined {
    if (kind === ANSWER) return this.#maxMessageBytes;
    if (kind === FAILURE) return MAX_FAILURE_BYTES;
    return kind === PONG || kind === LEAVING ? 0 : undefined;
  }

  frame(kind: number, call: number, body: Buffer): void {
    if (kind === ANSWER) this.#take(call)?.resolve(new Uint8Array(body));
    else if (kind === FAILURE) {
      const { code, details } = readFailure(body);
      const known = errorCodeOf(code);
      this.#take(call)?.reject(new AppError(known, known === 'unavailable' ? `${this.#address}: ${details}` : details));
    } else if (kind === LEAVING) this.leave();
  }

  tooLong(kind: number, call: number, bytes: number): void {
    if (kind !== ANSWER) throw new AppError('invalid_argument', `rpc: frame of kind ${kind} has ${bytes} bytes`);
    this.#take(call)?.reject(new AppError('resource_exhausted', `${this.#address}: answer has ${bytes} bytes, limit ${this.#maxMessageBytes}`));
  }

  #read(chunk: Buffer): void {
    this.#silence = 0;
    try {
      this.#reader.read(chunk);
    } catch (reason) {
      this.#fail(AppError.from(reason).message);
    }
  }

  /** Ends what is silent, also while it connects. */
  #listen(): void {
    this.#silence++;
    if (this.#silence === 1) {
      if (this.#isReady) this.#write(bareFrame(PING, 0));
    } else if (this.#silence === 2) this.#fail(this.#isReady ? 'the other side has fallen silent' : 'cannot connect: no answer');
  }

  #fail(why: string): void {
    this.#end(new AppError('unavailable', `${this.#address}: ${why}`));
  }

  #take(call: number): Pending | undefined {
    const pending = this.#calls.get(call);
    if (!pending) return undefined;
    this.#calls.delete(call);
    pending.release();
    if (this.#isLeaving) this.leave();
    return pending;
  }

  #write(...parts: readonly Uint8Array[]): void {
    if (!this.#isEnded) this.#send(...parts);
  }
}

/** All connections read into it: what is kept of it is copied before the next one reads. */
const SCRATCH = Buffer.allocUnsafeSlow(64 * 1024);
const MAX_FAILURE_BYTES = 64 * 1024;

function giveUpAfter(giveUp: (reason: AppError) => void, address: string, path: string, timeoutMs: number): void {
  giveUp(new AppError('deadline_exceeded', `${address}: ${path} has not answered within ${timeoutMs} ms`));
}

/** `host:port` or `[host]:port`. */
function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(':');
  const port = Number(address.slice(at + 1));
  if (at < 1 || !Number.isInteger(port) || port < 1 || port > 0xffff)
    throw new AppError('invalid_argument', `address ${JSON.stringify(address)} is not host:port`);
  return { host: address.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port };
}
