// Runs in the namespace of a network's router: takes connections of the namespace outside, on the sockets it is given, and carries them to places.
import net from 'node:net';

process.on('message', ({ host, port }: { readonly host: string; readonly port: number }, server: net.Server) => {
  server.on('connection', (outside) => {
    const place = net.connect({ host, port });
    for (const [from, to] of [
      [outside, place],
      [place, outside],
    ] as const) {
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
      from.pipe(to);
    }
    outside.resume();
  });
});
process.on('disconnect', () => process.exit());
