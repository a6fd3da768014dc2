import fs from 'node:fs';
import path from 'node:path';
import type { Logger } from '@vivace/base';
import { formatTokens, parseTokens } from '@vivace/ring';

/** The tokens an earlier run kept; none without a file. A damaged file is logged and counts as none: other tokens cost a reshuffle, a refused start costs more. */
export function loadTokens(file: string, logger: Logger): Uint32Array {
  if (file === '' || !fs.existsSync(file)) return new Uint32Array(0);
  try {
    return parseTokens(fs.readFileSync(file, 'utf8'));
  } catch (reason) {
    logger.error('the tokens file cannot be read; new tokens are chosen', { file, err: reason });
    return new Uint32Array(0);
  }
}

/** Replaces the file as a whole or not at all. A failure is logged: this run goes on with its tokens, the next one chooses new ones. */
export function saveTokens(file: string, tokens: Uint32Array, logger: Logger): void {
  if (file === '') return;
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(`${file}.tmp`, formatTokens(tokens), { flush: true });
    fs.renameSync(`${file}.tmp`, file);
  } catch (reason) {
    logger.error('the tokens file cannot be written (ingester.lifecycler.tokens_file_path)', { file, err: reason });
  }
}
