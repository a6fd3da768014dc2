import fs from 'node:fs';
import { AppError } from '@vivace/base';
import type { Loaded } from '@vivace/config';
import { describe, loadConfig, usage } from '@vivace/config';
import { versionText } from './version.ts';

export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Either a configuration to run with, or the code to exit with: everything that was asked is answered. */
export type CommandLine = { readonly kind: 'run'; readonly loaded: Loaded } | { readonly kind: 'exit'; readonly code: number };

/** Reads flags and configuration, and answers what needs no process: `-help`, `-version`, `-config.verify`, and mistakes. */
export function readCommandLine(argv: readonly string[], env: Readonly<Record<string, string | undefined>>, { out, err }: Output): CommandLine {
  let loaded: Loaded;
  try {
    loaded = loadConfig({ argv, env, readFile: (path) => fs.readFileSync(path, 'utf8') });
  } catch (reason) {
    if (!(reason instanceof AppError)) throw reason;
    err(`${reason.message}\n`);
    return { kind: 'exit', code: 1 };
  }
  switch (loaded.command) {
    case 'help':
      out(usage());
      return { kind: 'exit', code: 0 };
    case 'version':
      out(versionText());
      return { kind: 'exit', code: 0 };
    case 'verify':
      for (const warning of loaded.warnings) err(`${describe(warning)} (${warning.explain})\n`);
      return { kind: 'exit', code: loaded.warnings.length === 0 ? 0 : 1 };
    case 'run':
      return { kind: 'run', loaded };
  }
}
