import type { Duplex } from 'node:stream';

/** A function that writes to a socket; what it is given in one turn of the event loop goes out together. */
export function corkedWriter(socket: Duplex): (...parts: readonly Uint8Array[]) => void {
  let isCorked = false;
  return (...parts) => {
    if (!isCorked) {
      isCorked = true;
      socket.cork();
      setImmediate(() => {
        isCorked = false;
        socket.uncork();
      });
    }
    for (const part of parts) socket.write(part);
  };
}
