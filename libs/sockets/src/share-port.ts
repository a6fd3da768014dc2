import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import tls from 'node:tls';

export interface SharedPort {
  /** Ends the connections that have not said yet what they speak; the server would wait for them when it closes. */
  close(): void;
}

export interface SharePortOptions {
  /** Takes over connections that speak HTTP/2; what was read of them is back in their buffer. */
  readonly acceptHttp2: (socket: Socket) => void;
  /** How long a connection may say nothing; 0 is no limit. */
  readonly silenceMs: number;
}

/** What a client begins HTTP/2 with, whether it knows beforehand or agreed on it by ALPN: RFC 9113, 3.4. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/**
 * Lets HTTP/1.1 and HTTP/2 live on one port, with or without TLS: the first bytes of a connection tell which it is. The server gets its
 * own connections as if it had accepted them itself, so they take no detour.
 */
export function sharePort(server: Server, { acceptHttp2, silenceMs }: SharePortOptions): SharedPort {
  const event = server instanceof tls.Server ? 'secureConnection' : 'connection';
  const own = server.listeners(event) as ((socket: Socket) => void)[];
  const acceptHttp1 = (socket: Socket): void => {
    for (const listener of own) listener.call(server, socket);
  };
  const silent = new Set<Socket>();
  server.removeAllListeners(event);
  server.on(event, (socket: Socket) => {
    silent.add(socket);
    listen(socket, silenceMs, (isHttp2) => {
      silent.delete(socket);
      if (isHttp2 === undefined) return;
      if (isHttp2) acceptHttp2(socket);
      else acceptHttp1(socket);
    });
  });
  return {
    close() {
      for (const socket of silent) socket.destroy();
    },
  };
}

/** Calls `done` once: with undefined when the connection ended before it could tell. */
function listen(socket: Socket, silenceMs: number, done: (isHttp2: boolean | undefined) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const finish = (isHttp2: boolean | undefined): void => {
    socket.off('readable', onReadable).off('end', onEnd).off('close', onClose).off('error', ignore).off('timeout', onEnd);
    socket.setTimeout(0);
    if (isHttp2 !== undefined) socket.unshift(bytes);
    done(isHttp2);
  };
  const onReadable = (): void => {
    // Back at once they would be readable again.
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    bytes = Buffer.concat([bytes, chunk]);
    const known = Math.min(bytes.length, PREFACE.length);
    if (PREFACE.compare(bytes, 0, known, 0, known) !== 0) finish(false);
    else if (known === PREFACE.length) finish(true);
  };
  const onClose = (): void => finish(undefined);
  const onEnd = (): void => void socket.destroy();
  socket.on('readable', onReadable).on('end', onEnd).on('close', onClose).on('error', ignore).on('timeout', onEnd).setTimeout(silenceMs);
}

/** An error is followed by `close`. */
function ignore(): void {}
