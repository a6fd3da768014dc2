/** Throws when `condition` is false: a bug of ours, never bad input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** Closes an exhaustive switch. */
export function unreachable(value: never, what = 'value'): never {
  throw new Error(`unreachable ${what}: ${String(value)}`);
}
