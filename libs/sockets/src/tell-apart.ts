import type { Socket } from 'node:net';

/** What a client begins HTTP/2 with, whether it knows beforehand or agreed on it by ALPN: RFC 9113, 3.4. */
export const HTTP2_PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/**
 * Reads a connection until its first bytes tell which of `prefaces` it begins with, and puts them back. Calls `done` once: with the number of the preface, -1 for none of them, undefined
 * when the connection ended before it could tell, or was ended because it said nothing for `silenceMs` (0 is no limit).
 */
export function tellApart(socket: Socket, prefaces: readonly Buffer[], silenceMs: number, done: (preface: number | undefined) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const finish = (preface: number | undefined): void => {
    socket.off('readable', onReadable).off('end', onEnd).off('close', onClose).off('error', ignore).off('timeout', onEnd);
    socket.setTimeout(0);
    if (preface !== undefined) socket.unshift(bytes);
    done(preface);
  };
  const onReadable = (): void => {
    // Back at once they would be readable again.
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    bytes = Buffer.concat([bytes, chunk]);
    const known = (preface: Buffer): number => Math.min(bytes.length, preface.length);
    const possible = prefaces.findIndex((preface) => preface.compare(bytes, 0, known(preface), 0, known(preface)) === 0);
    if (possible === -1 || bytes.length >= prefaces[possible].length) finish(possible);
  };
  const onClose = (): void => finish(undefined);
  const onEnd = (): void => void socket.destroy();
  socket.on('readable', onReadable).on('end', onEnd).on('close', onClose).on('error', ignore).on('timeout', onEnd).setTimeout(silenceMs);
}

/** An error is followed by `close`. */
function ignore(): void {}
