import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNetwork } from './network.ts';
import type { Network, Place } from './network.ts';
import { ProxiedNetwork } from './proxied-network.ts';

// The networks that partitions are tested in do what they say.

const PORT = 8_080;
/** An answer is there by then, however busy the machine. */
const WAIT_MS = 1_500;
const SERVER = `
const http = require('node:http');
http.createServer((request, response) => {
  if (request.url === '/') return response.end('here');
  const [, address, way] = request.url.split('/');
  const nothing = () => response.end('nothing');
  if (way === 'tcp') {
    fetch('http://' + address + ':${PORT}/', { signal: AbortSignal.timeout(${WAIT_MS}) }).then(async (r) => response.end(await r.text()), nothing);
    return;
  }
  const socket = require('node:dgram').createSocket('udp4').bind(0, process.argv[1]);
  const close = setTimeout(() => { socket.close(); nothing(); }, ${WAIT_MS});
  socket.on('message', (text) => { clearTimeout(close); socket.close(); response.end(String(text)); }).send('who', ${PORT}, address);
}).listen(${PORT}, process.argv[1], () => {
  const socket = require('node:dgram').createSocket('udp4').bind(${PORT}, process.argv[1], () => console.log('up'));
  socket.on('message', (_, { port, address }) => socket.send('here', port, address));
});`;

describe.each([
  ['as the machine allows it', createNetwork],
  ['of proxies', () => ProxiedNetwork.create()],
])('a network, %s', (_, create: () => Promise<Network>) => {
  let network: Network;
  let places: Place[];
  let doors: string[];
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    network = await create();
    places = [];
    doors = [];
    for (const name of ['a', 'b', 'c']) {
      const place = await network.add(name, [PORT]);
      const [program, ...args] = [...place.wrapper, process.execPath, '-e', SERVER, place.listensOn];
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      await new Promise((resolve) => child.stdout?.once('data', resolve));
      places.push(place);
      doors.push(await network.door(place, PORT));
    }
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    // Undefined when there is none.
    await (network as Network | undefined)?.destroy();
  });

  /** Who reaches whom: `ab` when a gets an answer of b. The test itself reaches all. */
  async function reached(way: string): Promise<string> {
    const ask = async (path: string): Promise<boolean> => (await (await fetch(`http://${path}`)).text()) === 'here';
    for (const door of doors) expect(await ask(door)).toBe(true);
    const found = places.map(async (from, i) => {
      const tried = places.filter((to) => to !== from).map(async (to) => ((await ask(`${doors[i]}/${to.address}/${way}`)) ? from.name + to.name : ''));
      return Promise.all(tried);
    });
    return (await Promise.all(found)).flat().filter(Boolean).join(' ');
  }

  it.each(['tcp', 'udp'])('carries %s from every place to every other, loses what is cut, one way or both, and heals', async (way) => {
    const [a, b] = places;
    expect(await reached(way)).toBe('ab ac ba bc ca cb');
    await network.isolate([b]);
    expect(await reached(way)).toBe('ac ca');
    await network.heal();
    expect(await reached(way)).toBe('ab ac ba bc ca cb');
    // Of a question and its answer both ways are needed.
    await network.cut([b], [a]);
    expect(await reached(way)).toBe('ac bc ca cb');
    await network.heal();
    expect(await reached(way)).toBe('ab ac ba bc ca cb');
  });
});
