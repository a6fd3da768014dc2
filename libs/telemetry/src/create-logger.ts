import type { LogFields, Logger, LogLevel } from '@vivace/base';
import { AppError } from '@vivace/base';
import type { Logger as PinoLogger } from 'pino';
import { pino } from 'pino';
import { callerOf } from './caller.ts';
import { formatLogfmt } from './logfmt.ts';

export interface LoggerOptions {
  /** Lines below this level are dropped. */
  readonly level: LogLevel;
  /** `logfmt` is Tempo's: `level=info ts=… caller=… msg="…" key=value`. */
  readonly format: 'logfmt' | 'json';
  /** Takes one line with its end. */
  readonly write: (line: string) => void;
  /** Put the file and line of the call into each line (default true); costs some microseconds a line. */
  readonly caller?: boolean;
  readonly now?: () => Date;
}

/** The log of a process. Field values are printed by `toJSON`, so secrets stay secret; errors print their causes, and their stack when they are not ours. */
export function createLogger({ level, format, write, caller = true, now = () => new Date() }: LoggerOptions): Logger {
  const destination = { write: format === 'json' ? write : (line: string) => write(`${toLogfmt(line)}\n`) };
  const log = pino(
    {
      level,
      base: null,
      timestamp: () => `,"ts":"${now().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return wrap(log, caller);
}

function wrap(log: PinoLogger, caller: boolean): Logger {
  const at = (level: LogLevel) => {
    const entry = (msg: string, fields?: LogFields): void => {
      if (!log.isLevelEnabled(level)) return;
      log[level](caller ? { caller: callerOf(entry), ...printable(fields) } : printable(fields), msg);
    };
    return entry;
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(log.child(printable(fields)), caller),
  };
}

function printable(fields: LogFields = {}): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    out[key] = value instanceof Error ? messageWithCauses(value) : value;
    if (value instanceof Error && !(value instanceof AppError)) out[`${key}_stack`] = value.stack;
  }
  return out;
}

/** Without causes that the message tells already. An error whose cause leads back to itself ends after a few. */
function messageWithCauses(error: Error): string {
  let text = error.message;
  let cause = error.cause;
  for (let depth = 0; cause !== undefined && depth < 5; depth++) {
    const more = cause instanceof Error ? cause.message : String(cause);
    if (!text.includes(more)) text += `: ${more}`;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return text;
}

/** Tempo's order: level, ts, caller, msg, then the fields. */
function toLogfmt(json: string): string {
  const { level, ts, caller, msg, ...fields } = JSON.parse(json) as Record<string, unknown>; // pino writes one object a line
  return formatLogfmt({ level, ts, caller, msg, ...fields });
}
