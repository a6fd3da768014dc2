import { setImmediate } from 'node:timers/promises';
import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { writerTo } from './writer-to.ts';

it('loses lines that cannot be written, and goes on', async () => {
  const lines: string[] = [];
  const write = writerTo(
    new Writable({
      // As the streams of a process, which stay open.
      autoDestroy: false,
      decodeStrings: false,
      write: (line: string, _encoding, done) => {
        if (line === 'lost') return done(new Error('ENOSPC: no space left on device, write'));
        lines.push(line);
        done();
      },
    }),
  );
  for (const line of ['first', 'lost']) write(line);
  // The error is emitted in a later turn, where nobody could catch it.
  await setImmediate();
  expect(lines).toEqual(['first']);
});
