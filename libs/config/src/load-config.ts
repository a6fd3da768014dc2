import { AppError } from '@vivace/base';
import { checkConfig } from './check-config.ts';
import type { Config } from './config.ts';
import { expandEnv, findReferences } from './expand-env.ts';
import type { Flags } from './flags.ts';
import { parseFlags } from './flags.ts';
import type { Problem, Warning } from './problem.ts';
import { describe, sortByPlace } from './problem.ts';
import type { Findings } from './read-values.ts';
import { readValues } from './read-values.ts';
import { rootSchema } from './schema/root.ts';
import { toConfig } from './to-config.ts';
import type { YamlSource } from './yaml-source.ts';
import { parseYaml } from './yaml-source.ts';

export interface LoadInput {
  /** The command line without the program. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Returns the text of a file, or throws. */
  readonly readFile: (path: string) => string;
}

export interface Loaded {
  readonly config: Config;
  readonly warnings: readonly Warning[];
  /** What the command line asks for; `verify` ends with 1 when there are warnings. */
  readonly command: Flags['command'];
  /** `-config.expand-env`: holds for the per-tenant file as well. */
  readonly expandEnv: boolean;
}

/**
 * Defaults, then the file of `-config.file`, then flags.
 * @throws AppError `invalid_argument` that lists all problems, each with its place, its key and what would be right.
 */
export function loadConfig({ argv, env, readFile }: LoadInput): Loaded {
  const findings: Findings = { problems: [], warnings: [] };
  const flags = parseFlags(argv, rootSchema, findings.problems);
  const asksOnly = flags.command === 'help' || flags.command === 'version';
  const source = readSource(asksOnly ? undefined : flags.configFile, flags.expandEnv ? env : undefined, readFile, findings);
  const values = readValues(rootSchema, source, flags.keys, findings);
  const config = toConfig(values, findings.problems);
  const placed = <P extends Problem>(problem: P): P => {
    const flag = flags.keys.get(problem.path)?.flag;
    return problem.where === '' ? { ...problem, where: flag === undefined ? source.whereIs(problem.path) : `-${flag}` } : problem;
  };
  failOn(findings.problems.map(placed));
  checkConfig(config, findings.warnings);
  const warnings = findings.warnings.map(placed);
  sortByPlace(warnings);
  return { config, warnings, command: flags.command, expandEnv: flags.expandEnv };
}

function readSource(file: string | undefined, env: LoadInput['env'] | undefined, readFile: LoadInput['readFile'], findings: Findings): YamlSource {
  if (file === undefined) return parseSource('', '', undefined, findings);
  try {
    return parseSource(file, readFile(file), env, findings);
  } catch (error) {
    findings.problems.push({ where: file, path: '', message: `cannot be read: ${AppError.from(error).message}` });
    return parseSource(file, '', undefined, findings);
  }
}

/** Parses a file; `env` is given when references are to be replaced. */
export function parseSource(file: string, text: string, env: LoadInput['env'] | undefined, findings: Findings): YamlSource {
  const expanded = env ? expandEnv(text, env) : { text, missing: [], originalOffset: (offset: number) => offset };
  const source = parseYaml(file, expanded.text, expanded.originalOffset, text, findings.problems);
  for (const name of new Set(expanded.missing)) {
    findings.warnings.push({
      where: file,
      path: '',
      message: `\${${name}} is not set and became nothing`,
      explain: `set ${name} or write \${${name}:-default}`,
    });
  }
  const [reference] = env ? [] : findReferences(text);
  if (reference !== undefined) {
    findings.warnings.push({
      where: source.where(reference),
      path: '',
      message: 'has ${…}, which is kept as it is written',
      explain: 'environment variables are only put in with the flag -config.expand-env',
    });
  }
  return source;
}

/** @throws AppError with all of them, when there are any. */
export function failOn(problems: Problem[]): void {
  if (problems.length === 0) return;
  sortByPlace(problems);
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  throw new AppError('invalid_argument', [`configuration: ${count}`, ...problems.map((problem) => `  ${describe(problem)}`)].join('\n'));
}
