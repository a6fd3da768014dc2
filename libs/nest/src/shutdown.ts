import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Logger } from '@vivace/base';

const SAME_SIGNAL_MS = 200;

export interface ShutdownDeps {
  /** Everything that must end well: services, then the server. */
  readonly stop: () => Promise<void>;
  /** `server.graceful_shutdown_timeout` */
  readonly timeoutMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly exit: (code: number) => void;
  /** Rejects or resolves after the time; a test gives its own. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * The end of the process. The first call stops gracefully and exits 0, or 1 when that fails or takes longer than the timeout. A second call
 * exits at once: nothing acknowledged is lost by that, because a span is in the log before its sender is told so. The same cause again
 * within a moment is the same signal, sent to a process group whose leader passes it on as well.
 */
export function createShutdown({ stop, timeoutMs, logger, clock, exit, wait = waitUnref }: ShutdownDeps): (cause: string) => void {
  let first: { readonly cause: string; readonly atMs: number } | undefined;
  return (cause) => {
    if (first) {
      if (cause === first.cause && clock.now() - first.atMs < SAME_SIGNAL_MS) return;
      logger.warn('stopping at once', { cause });
      exit(1);
      return;
    }
    first = { cause, atMs: clock.now() };
    logger.info('stopping', { cause, timeoutMs });
    void run().then(exit);
  };

  async function run(): Promise<number> {
    const timer = new AbortController();
    const late = wait(timeoutMs, timer.signal).then(
      () => 'late' as const,
      () => 'done' as const,
    );
    try {
      const outcome = await Promise.race([stop().then(() => 'done' as const), late]);
      if (outcome === 'late') logger.error('graceful stop took too long', { timeoutMs, key: 'server.graceful_shutdown_timeout' });
      else logger.info('stopped');
      return outcome === 'late' ? 1 : 0;
    } catch (reason) {
      logger.error('graceful stop failed', { err: reason });
      return 1;
    } finally {
      timer.abort();
    }
  }
}

function waitUnref(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal, ref: false });
}
