export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Values are printed as they are when they are strings or numbers; an `Error` under `err` is printed with its cause and stack. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The log as libraries see it. Messages are constant lower-case text; everything that varies goes into `fields`. */
export interface Logger {
  debug(msg: string, fields?: LogFields): void;
  info(msg: string, fields?: LogFields): void;
  warn(msg: string, fields?: LogFields): void;
  error(msg: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore, child: () => silentLogger };

function ignore(): void {}

export interface LogEntry {
  readonly level: LogLevel;
  readonly msg: string;
  readonly fields: LogFields;
}

/** A logger for tests: keeps every line in `entries`, which children share. */
export interface MemoryLogger extends Logger {
  readonly entries: readonly LogEntry[];
}

export function createMemoryLogger(entries: LogEntry[] = [], bound: LogFields = {}): MemoryLogger {
  const at = (level: LogLevel) => (msg: string, fields?: LogFields) => {
    entries.push({ level, msg, fields: { ...bound, ...fields } });
  };
  return {
    entries,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => createMemoryLogger(entries, { ...bound, ...fields }),
  };
}
