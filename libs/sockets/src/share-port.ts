import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import tls from 'node:tls';
import { HTTP2_PREFACE, tellApart } from './tell-apart.ts';

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
    tellApart(socket, [HTTP2_PREFACE], silenceMs, (preface) => {
      silent.delete(socket);
      if (preface === undefined) return;
      if (preface === 0) acceptHttp2(socket);
      else acceptHttp1(socket);
    });
  });
  return {
    close() {
      for (const socket of silent) socket.destroy();
    },
  };
}
