import { nearest } from './nearest.ts';
import type { Problem } from './problem.ts';
import type { FlagValue } from './read-values.ts';
import type { Group, Leaf, List } from './schema/node.ts';

/** The command line, sorted into what drives the program and what sets keys. */
export interface Flags {
  readonly configFile: string | undefined;
  readonly expandEnv: boolean;
  readonly command: 'run' | 'verify' | 'version' | 'help';
  /** By the path of the key. */
  readonly keys: ReadonlyMap<string, FlagValue>;
}

interface Target {
  readonly path: string;
  readonly isBool: boolean;
}

const PROGRAM = new Map<string, Target>([
  ['config.file', { path: '-config.file', isBool: false }],
  ['config.expand-env', { path: '-config.expand-env', isBool: true }],
  ['config.verify', { path: '-config.verify', isBool: true }],
  ['version', { path: '-version', isBool: true }],
  ['help', { path: '-help', isBool: true }],
  ['h', { path: '-help', isBool: true }],
  // Knobs of the Go runtime: accepted so that Tempo's command lines start, without meaning here.
  ['mem-ballast-size-mbs', { path: '-ignored', isBool: false }],
  ['mutex-profile-fraction', { path: '-ignored', isBool: false }],
  ['block-profile-threshold', { path: '-ignored', isBool: false }],
]);

/**
 * Reads Go-style flags: one or two dashes, `-x=y` or `-x y`, booleans bare or with `=`. Every single key of the schema has a flag: its YAML path,
 * underscores or dashes (`-storage.trace.wal.path`, `-server.http-listen-port`), plus the names Tempo gives it. The last of several wins.
 */
export function parseFlags(argv: readonly string[], schema: Group, problems: Problem[]): Flags {
  const known = new Map([...flagNames(schema), ...PROGRAM]);
  const texts = new Map<string, FlagValue>();
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!;
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument);
    if (!match) {
      problems.push({ where: '', path: argument, message: 'is not a flag; flags are -name=value, -name value or -name' });
      continue;
    }
    const flag = match[1]!;
    const target = known.get(normalize(flag));
    if (!target) {
      const near = nearest(normalize(flag), known.keys());
      problems.push({ where: '', path: `-${flag}`, message: `is not a known flag${near ? `; did you mean "-${near}"?` : ', see docs/config.md'}` });
      continue;
    }
    let text = match[2];
    if (text === undefined && target.isBool) text = 'true';
    if (text === undefined && i + 1 < argv.length) text = argv[++i];
    if (text === undefined) problems.push({ where: '', path: `-${flag}`, message: 'needs a value' });
    else texts.set(target.path, { flag, text });
  }
  return sortOut(texts, problems);
}

/** All names of key flags and what they set; docs list the ones that differ from the path. */
export function flagNames(schema: Group, path = ''): Map<string, Target> {
  const names = new Map<string, Target>();
  for (const [key, node] of Object.entries(schema.fields)) {
    const at = path === '' ? key : `${path}.${key}`;
    if (node.kind === 'group') for (const [name, target] of flagNames(node, at)) names.set(name, target);
    else if (isSettable(node)) {
      const target = { path: at, isBool: node.kind === 'leaf' && node.type === 'bool' };
      for (const name of [at, ...(node.flags ?? [])]) names.set(normalize(name), target);
    }
  }
  return names;
}

function isSettable(node: Group['fields'][string]): node is Leaf<string> | Leaf<number> | Leaf<boolean> | List {
  return node.kind === 'leaf' || (node.kind === 'list' && node.of.kind === 'leaf');
}

function sortOut(texts: ReadonlyMap<string, FlagValue>, problems: Problem[]): Flags {
  const isOn = (name: string): boolean => {
    const text = texts.get(name)?.text;
    if (text !== undefined && text !== 'true' && text !== 'false') problems.push({ where: '', path: name, message: `"${text}" is not true or false` });
    return text === 'true';
  };
  const verify = isOn('-config.verify');
  const command = isOn('-help') ? 'help' : isOn('-version') ? 'version' : verify ? 'verify' : 'run';
  const configFile = texts.get('-config.file')?.text;
  return {
    configFile: configFile === '' ? undefined : configFile,
    expandEnv: isOn('-config.expand-env'),
    command,
    keys: new Map([...texts].filter(([path]) => !path.startsWith('-'))),
  };
}

function normalize(name: string): string {
  return name.replaceAll('_', '-');
}
