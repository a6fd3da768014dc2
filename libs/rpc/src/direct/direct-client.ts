import net from 'node:net';
import { AppError, errorCodeOf } from '@vivace/base';
import { hostAndPort } from '../host-and-port.ts';
import { checkSize, silentEnd } from '../options.ts';
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
        backoffMs = Math.min(options.maxBackoffMs, Math.max(options.minBackoffMs, backoffMs * 2));
      },
    });
    return (connection = made);
  }

  return {
    async ask(path, request, { tenant, signal, timeoutMs } = {}) {
      signal?.throwIfAborted();
      checkSize(request, options);
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
  readonly #options: DirectClientOptions;
  readonly #maxReceiveBytes: number;
  readonly #maxUnsentBytes: number;
  readonly #events: ConnectionEvents;
  readonly #socket: net.Socket;
  readonly #send: ReturnType<typeof corkedWriter>;
  readonly #reader: FrameReader;
  readonly #calls = new Map<number, Pending>();
  readonly #watch: NodeJS.Timeout;
  readonly #connecting: NodeJS.Timeout;
  #nextCall = 0;
  /** Turns of the watch since something was heard. */
  #silence = 0;
  /** TCP and TLS are there. */
  #isConnected = false;
  /** The other side has spoken. */
  #isReady = false;
  #isEnded = false;
  #isLeaving = false;

  constructor(address: string, options: DirectClientOptions, events: ConnectionEvents) {
    const { maxReceiveBytes, connectTimeoutMs, tls, silenceMs = SILENCE_MS, maxUnsentBytes = MAX_UNSENT_BYTES } = options;
    this.#address = address;
    this.#options = options;
    this.#maxReceiveBytes = maxReceiveBytes;
    this.#maxUnsentBytes = maxUnsentBytes;
    this.#events = events;
    this.#reader = new FrameReader(this, new BodyPool(0));
    const target = { ...hostAndPort(address), noDelay: true };
    if (tls) {
      this.#socket = tls.connect(target);
      this.#socket.once('secureConnect', () => (this.#isConnected = true));
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
      this.#socket.once('connect', () => (this.#isConnected = true));
    }
    this.#send = corkedWriter(this.#socket);
    this.#socket.on('error', (reason) => this.#fail(this.#why(reason)));
    this.#socket.on('close', () => this.#fail(this.#why(undefined)));
    this.#socket.write(hello(maxReceiveBytes));
    const late = `cannot connect: no answer within ${connectTimeoutMs} ms, limit ${options.section}.connect_timeout`;
    this.#connecting = setTimeout(() => this.#fail(late), connectTimeoutMs).unref();
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
    clearTimeout(this.#connecting);
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
    clearTimeout(this.#connecting);
    this.#events.onReady();
  }

  limit(kind: number): number | undefined {
    if (kind === ANSWER) return this.#maxReceiveBytes;
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
    const limit = `${this.#options.section}.max_recv_msg_size ${this.#maxReceiveBytes}`;
    this.#take(call)?.reject(new AppError('resource_exhausted', `${this.#address}: answer has ${bytes} bytes, limit ${limit}`));
  }

  #read(chunk: Buffer): void {
    this.#silence = 0;
    try {
      this.#reader.read(chunk);
    } catch (reason) {
      this.#fail(AppError.from(reason).message);
    }
  }

  /** Ends what is silent. */
  #listen(): void {
    if (!this.#isReady) return;
    this.#silence++;
    if (this.#silence === 1) this.#write(bareFrame(PING, 0));
    else if (this.#silence === 2) this.#fail('the other side has fallen silent');
  }

  /** Why the connection ended, by itself when `reason` is undefined. */
  #why(reason: NodeJS.ErrnoException | undefined): string {
    if (this.#isReady) return reason?.message ?? 'the connection was lost';
    if (this.#options.tls) return this.#options.tls.explain(reason, this.#isConnected);
    return this.#isConnected ? silentEnd(this.#options) : (reason?.message ?? 'the connection was lost');
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
