import { AppError } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { createLogger } from './create-logger.ts';

const now = () => new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6));

function capture(format: 'logfmt' | 'json', caller = false) {
  const lines: string[] = [];
  return { lines, log: createLogger({ level: 'info', format, write: (line) => void lines.push(line), caller, now }) };
}

describe('createLogger', () => {
  it('writes logfmt in the order of Tempo and quotes what needs it', () => {
    const { log, lines } = capture('logfmt');
    log
      .child({ component: 'wal' })
      .warn('frame set aside', { bytes: 12, path: 'a b', empty: '', quote: 'x"y', line: 'a\nb', list: [1], off: false, none: null, gone: undefined });
    expect(lines).toEqual([
      'level=warn ts=2026-01-02T03:04:05.006Z msg="frame set aside" component=wal bytes=12 path="a b" empty="" quote="x\\"y" line="a\\nb" list=[1] off=false none=null\n',
    ]);
  });

  it('writes JSON', () => {
    const { log, lines } = capture('json');
    log.info('started', { port: 3200 });
    expect(lines).toEqual(['{"level":"info","ts":"2026-01-02T03:04:05.006Z","port":3200,"msg":"started"}\n']);
  });

  it('drops lines below the level', () => {
    const { log, lines } = capture('logfmt');
    log.debug('nothing');
    expect(lines).toEqual([]);
  });

  it('does not repeat a cause that the message tells', () => {
    const { log, lines } = capture('logfmt');
    log.error('failed', { err: new AppError('unavailable', 'cannot listen on :1: in use', { cause: new Error('in use', { cause: new Error('really') }) }) });
    expect(lines[0]).toContain('err="cannot listen on :1: in use: really"');
  });

  it('prints the causes of errors, and the stack only of unexpected ones', () => {
    const { log, lines } = capture('logfmt');
    log.error('upload failed', { err: new AppError('unavailable', 'store: put failed', { cause: new Error('socket closed') }) });
    log.error('bug', { err: new TypeError('x is undefined') });
    expect(lines[0]).toContain('err="store: put failed: socket closed"\n');
    expect(lines[1]).toContain('err="x is undefined" err_stack="TypeError: x is undefined\\n');
  });

  it('names the file and line of the call', () => {
    const { log, lines } = capture('logfmt', true);
    log.child({}).info('here');
    expect(lines[0]).toMatch(/ caller=create-logger\.spec\.ts:\d+ msg=here\n$/);
  });

  it('keeps what has a toJSON to it', () => {
    const { log, lines } = capture('logfmt');
    log.info('loaded', { key: { toJSON: () => '<secret>' } });
    expect(lines[0]).toContain('key=<secret>\n');
  });
});
