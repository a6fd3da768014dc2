import { readFile } from 'node:fs/promises';
import type { Logger, Timers } from '@vivace/base';

export interface FollowOptions {
  readonly paths: readonly string[];
  readonly periodMs: number;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Takes the new content; what it throws is logged, and the old content stays in force. */
  readonly onChange: () => Promise<void>;
}

export interface FollowedFiles {
  /** Looks now; resolves when a change has been taken or refused. */
  check(): Promise<void>;
  stop(): void;
}

/**
 * Tells of files whose bytes change. They are read again each period: certificates and secrets are small, and Kubernetes replaces them by turning symbolic
 * links, of which file events do not tell reliably. A content that was refused is not offered again until it changes.
 */
export async function followFiles({ paths, periodMs, timers, logger, onChange }: FollowOptions): Promise<FollowedFiles> {
  let known = await contents(paths);
  let cancel = (): void => undefined;
  let stopped = false;
  const check = async (): Promise<void> => {
    const now = await contents(paths);
    if (now === known || stopped) return;
    known = now;
    try {
      await onChange();
      logger.info('files have changed and were read again', { files: paths.join(', ') });
    } catch (reason) {
      logger.error('files have changed and cannot be used, what was read before stays in force', { files: paths.join(', '), err: reason });
    }
  };
  const wait = (): void => {
    cancel = timers.after(periodMs, () => void check().finally(() => stopped || wait()));
  };
  if (paths.length > 0) wait();
  return {
    check,
    stop() {
      stopped = true;
      cancel();
    },
  };
}

/** As one text. A file that cannot be read has no bytes; whoever needs it says so. */
async function contents(paths: readonly string[]): Promise<string> {
  const texts = await Promise.all(paths.map((path) => readFile(path, 'base64').catch(() => 'missing')));
  return texts.join(' ');
}
