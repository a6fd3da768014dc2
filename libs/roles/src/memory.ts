/**
 * What the process must be started with to stay small at high rates. Both are read before JavaScript runs, so a process without them
 * replaces itself, once, by one that has them (same pid).
 *
 * - glibc raises its threshold for giving large blocks back to the system with every block freed, up to 32 MB; tables and buffers of a
 *   few megabytes then stay in the heap of whichever thread freed them. A fixed threshold, at the 64 KiB of a network read, gives them back.
 * - V8 answers network buffers with full collections of a heap that holds little else (docs/adr/0007-receiver-thread.md); counted with
 *   the heap's own limit there are a third as many, and a fifth of those when small heaps may grow fourfold before the next one.
 */
export function withMemorySettings(env: NodeJS.ProcessEnv): void {
  const flags = ['--external-memory-accounted-in-global-limit', '--heap-growing-percent=300'];
  if (process.platform !== 'linux' || env.MALLOC_MMAP_THRESHOLD_ !== undefined || process.execve === undefined) return;
  const [node, ...args] = process.argv as [string, ...string[]];
  process.execve(node, [node, ...flags, ...process.execArgv, ...args], { ...env, MALLOC_MMAP_THRESHOLD_: String(64 * 1024), MALLOC_ARENA_MAX: '2' });
}
