const FRAME = /([^/\\(\s]+:\d+):\d+\)?$/;

/** `file:line` of the code that called `entry`, which is on the stack; undefined when the engine gives no such frame. */
export function callerOf(entry: (...args: never[]) => unknown): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 1;
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, entry);
  Error.stackTraceLimit = limit;
  return FRAME.exec(holder.stack ?? '')?.[1];
}
