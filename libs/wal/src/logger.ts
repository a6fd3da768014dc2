/** What the log tells an operator. */
export interface LogLogger {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

export const silentLogger: LogLogger = { info() {}, warn() {}, error() {} };
