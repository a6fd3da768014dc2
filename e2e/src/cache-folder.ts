import os from 'node:os';
import path from 'node:path';

/** Where programs that tests need are kept between runs. */
export function cacheFolder(name: string): string {
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'vivace-e2e', name);
}
