import { describe, expect, it } from 'vitest';
import { expandEnv } from './expand-env.ts';
import { loadConfig } from './load-config.ts';

const env = { A: 'one', EMPTY: '' };

describe('expandEnv', () => {
  it.each([
    ['${A}', 'one'],
    ['x${A}y${A}z', 'xoneyonez'],
    ['${A:-two}', 'one'],
    ['${B:-two}', 'two'],
    ['${EMPTY:-two}', 'two'],
    ['${EMPTY-two}', ''],
    ['${B:=two}', 'two'],
    ['${B:-${A}}', 'one'],
    ['${B:-}', ''],
    ['$A $ ${ {A} ${A', '$A $ ${ {A} ${A'],
  ])('makes %s into "%s"', (text, expected) => {
    expect(expandEnv(text, env)).toMatchObject({ text: expected, missing: [] });
  });

  it('makes nothing of what is not set and says so', () => {
    expect(expandEnv('[${B}${C:-${D}}]', env)).toMatchObject({ text: '[]', missing: ['B', 'D'] });
  });

  it('keeps the places of what comes after', () => {
    const yaml = 'target: ${TARGET}\nserver: {log_level: ${LEVEL}, http_port: 1}\n';
    const load = () => loadConfig({ argv: ['-config.file=f', '-config.expand-env'], env: { TARGET: 'all', LEVEL: 'very loud' }, readFile: () => yaml });
    expect(load).toThrow(/f:2:21: server\.log_level: "very loud" is not one of.*\n {2}f:2:31: server\.http_port/);
  });
});
