// Loaded before a process in a place of a `ProxiedNetwork`: its connections to other places come from the address of its own.
import net from 'node:net';

const localAddress = process.env.VIVACE_E2E_ADDRESS;
const connect = net.Socket.prototype.connect as (this: net.Socket, ...args: unknown[]) => net.Socket;

interface Target {
  readonly host?: string;
}

const isPlace = (target: unknown): target is Target => typeof target === 'object' && /^127\.77\./.test((target as Target | null)?.host ?? '');

net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]): net.Socket {
  // `net.connect` gives what it was called with as a list: options and callback.
  const list = Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
  if (isPlace(list[0])) list[0] = { ...list[0], localAddress };
  return connect.apply(this, args);
};
