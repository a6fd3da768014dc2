import { createSocket } from 'node:dgram';
import type { Socket as UdpSocket } from 'node:dgram';
import { createConnection, createServer, isIPv6 } from 'node:net';
import type { Server, Socket } from 'node:net';
import { AppError } from '@vivace/base';
import type { Timers } from '@vivace/base';
import { readFrame, writeFrame } from './frame.ts';
import type { Address } from './message.ts';
import { MAX_STATE_BYTES } from './message.ts';
import type { ExchangeOptions, Transport, TransportHandlers } from './transport.ts';

export interface NodeTransportOptions {
  /** IP address to listen on. */
  readonly bindHost: string;
  /** 0 is any free one. */
  readonly bindPort: number;
  /** Longest wait for a connection. */
  readonly dialTimeoutMs: number;
  /** Of a connection somebody else opened, from beginning to end. */
  readonly streamTimeoutMs: number;
  readonly timers: Timers;
}

/** Connections others may have open; more are closed at once. */
const MAX_STREAMS_IN = 64;
/** Bytes of unfinished requests over all of them. */
const MAX_BUFFERED_BYTES = 64 * 1_048_576;
/** Streams that wait for an answer. */
const MAX_STREAMS_OUT = 64;
/** Attempts to get one free port for both protocols. */
const BIND_ATTEMPTS = 5;

/** UDP for packets and TCP for streams, on one port. */
export class NodeTransport implements Transport {
  readonly stats = {
    packetsSent: 0,
    packetBytesSent: 0,
    packetErrors: 0,
    packetsReceived: 0,
    packetBytesReceived: 0,
    streamsIn: 0,
    streamsRefused: 0,
    streamsOut: 0,
    streamErrors: 0,
    streamBytesSent: 0,
    streamBytesReceived: 0,
  };
  readonly #options: NodeTransportOptions;
  readonly #connections = new Set<Socket>();
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;
  #buffered = 0;
  #outgoing = 0;

  constructor(options: NodeTransportOptions) {
    this.#options = options;
  }

  async start(handlers: TransportHandlers): Promise<number> {
    const { bindHost, bindPort } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        const tcp = await listen(
          createServer((socket) => this.#serve(socket, handlers)),
          bindHost,
          bindPort,
        );
        this.#tcp = tcp;
        const { port } = tcp.address() as { port: number }; // an IP server has one
        this.#udp = await bind(createSocket(isIPv6(bindHost) ? 'udp6' : 'udp4'), bindHost, port);
        this.#receive(this.#udp, handlers);
        // Errors after this concern single connections and packets.
        tcp.on('error', () => this.stats.streamErrors++);
        return port;
      } catch (reason) {
        await this.stop();
        // The free port of one protocol may be taken for the other.
        if (bindPort !== 0 || attempt === BIND_ATTEMPTS)
          throw new AppError('unavailable', `gossip cannot listen on ${bindHost}:${bindPort} (memberlist.bind_addr, memberlist.bind_port)`, { cause: reason });
      }
    }
  }

  send({ host, port }: Address, bytes: Uint8Array): void {
    this.stats.packetsSent++;
    this.stats.packetBytesSent += bytes.length;
    try {
      this.#udp?.send(bytes, port, host, (error) => {
        if (error) this.stats.packetErrors++;
      });
    } catch {
      // An address that cannot be, such as port 0, which the sender of a forged packet may have.
      this.stats.packetErrors++;
    }
  }

  async exchange({ host, port }: Address, request: Uint8Array, { timeoutMs, maxBytes }: ExchangeOptions): Promise<Uint8Array> {
    if (this.#outgoing >= MAX_STREAMS_OUT) throw new AppError('resource_exhausted', `gossip: ${MAX_STREAMS_OUT} streams are waiting for answers already`);
    this.#outgoing++;
    this.stats.streamsOut++;
    const { timers, dialTimeoutMs } = this.#options;
    const socket = createConnection({ host, port });
    this.#connections.add(socket);
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const fail = (reason: unknown): void => reject(AppError.from(reason, 'unavailable'));
    const late = (what: string): (() => void) =>
      timers.after(what === 'connection' ? dialTimeoutMs : timeoutMs, () =>
        fail(new AppError('deadline_exceeded', `gossip: no ${what} in time from ${host}:${port}`)),
      );
    let cancel = late('connection');
    socket.once('connect', () => {
      cancel();
      cancel = late('answer');
      this.stats.streamBytesSent += writeFrame(socket, request);
    });
    socket.on('error', fail);
    socket.on('close', () => fail(new AppError('unavailable', `gossip: ${host}:${port} closed the stream without an answer`)));
    readFrame(socket, { maxBytes, mayAccept: () => true, onBuffered: () => true, onFrame: resolve, onRefused: fail });
    try {
      const answer = await promise;
      this.stats.streamBytesReceived += answer.length;
      return answer;
    } catch (reason) {
      this.stats.streamErrors++;
      throw reason;
    } finally {
      cancel();
      socket.destroy();
      this.#connections.delete(socket);
      this.#outgoing--;
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    const udp = this.#udp;
    const tcp = this.#tcp;
    this.#udp = undefined;
    this.#tcp = undefined;
    if (udp) await new Promise<void>((resolve) => udp.close(() => resolve()));
    if (tcp) await new Promise<void>((resolve) => tcp.close(() => resolve()));
  }

  #receive(udp: UdpSocket, handlers: TransportHandlers): void {
    udp.on('error', () => this.stats.packetErrors++);
    udp.on('message', (bytes, { address, port }) => {
      this.stats.packetsReceived++;
      this.stats.packetBytesReceived += bytes.length;
      handlers.onPacket({ host: address, port }, bytes);
    });
  }

  /** One request, one answer, close. */
  #serve(socket: Socket, handlers: TransportHandlers): void {
    if (this.#connections.size >= MAX_STREAMS_IN + this.#outgoing) {
      this.stats.streamsRefused++;
      socket.destroy();
      return;
    }
    this.stats.streamsIn++;
    this.#connections.add(socket);
    let held = 0;
    const cancel = this.#options.timers.after(this.#options.streamTimeoutMs, () => socket.destroy());
    const refuse = (): void => {
      this.stats.streamsRefused++;
      socket.destroy();
    };
    socket.on('error', () => this.stats.streamErrors++);
    socket.on('close', () => {
      cancel();
      this.#buffered -= held;
      this.#connections.delete(socket);
    });
    readFrame(socket, {
      maxBytes: MAX_STATE_BYTES,
      mayAccept: handlers.mayAccept,
      onBuffered: (bytes) => {
        held += bytes;
        this.#buffered += bytes;
        return this.#buffered <= MAX_BUFFERED_BYTES;
      },
      onFrame: (request) => {
        this.stats.streamBytesReceived += request.length;
        const answer = handlers.onRequest(request);
        if (answer === undefined) return refuse();
        this.stats.streamBytesSent += writeFrame(socket, answer);
        socket.end();
      },
      onRefused: refuse,
    });
  }
}

function listen(server: Server, host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      server.unref();
      resolve(server);
    });
  });
}

function bind(socket: UdpSocket, host: string, port: number): Promise<UdpSocket> {
  return new Promise((resolve, reject) => {
    socket.once('error', (reason) => {
      socket.close();
      reject(reason);
    });
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      socket.unref();
      resolve(socket);
    });
  });
}
