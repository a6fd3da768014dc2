import { describe, expect, it } from 'vitest';
import { readCommandLine } from './command-line.ts';

function run(...argv: string[]) {
  let out = '';
  let err = '';
  const result = readCommandLine(argv, {}, { out: (text) => (out += text), err: (text) => (err += text) });
  return { result, out, err };
}

describe('the command line', () => {
  it.each([['-version'], ['--version']])('%s prints both versions', (flag) => {
    const { result, out } = run(flag);
    expect(result).toEqual({ kind: 'exit', code: 0 });
    expect(out).toMatch(/^vivace, version \d+\.\d+\.\d+ \(compatible with Tempo 2\.10\.\d+\)/);
  });

  it('-help prints the flags', () => {
    const { result, out } = run('-help');
    expect(result).toEqual({ kind: 'exit', code: 0 });
    expect(out).toContain('-config.file');
  });

  it('-config.verify exits 1 when there are warnings, and prints them', () => {
    expect(run('-config.verify')).toEqual({ result: { kind: 'exit', code: 0 }, out: '', err: '' });
    const { result, err } = run('-config.verify', '-query-frontend.mcp-server.enabled=true');
    expect(result).toEqual({ kind: 'exit', code: 1 });
    expect(err).toContain('query_frontend.mcp_server.enabled');
  });

  it('names what is wrong and exits 1', () => {
    const { result, err } = run('-no.such.flag=1', '-config.file=/does/not/exist.yaml');
    expect(result).toEqual({ kind: 'exit', code: 1 });
    expect(err).toContain('-no.such.flag');
    expect(err).toContain('/does/not/exist.yaml');
  });

  it('otherwise gives a configuration', () => {
    expect(run('-server.http-listen-port=0').result).toMatchObject({ kind: 'run', loaded: { config: { server: { httpListenPort: 0 } } } });
  });
});
