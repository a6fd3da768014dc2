import type { BuildInfo } from '@vivace/query-frontend';

/** Ours, as in package.json. */
export const VERSION = '0.1.0';
/** The Tempo whose API, configuration and blocks we are compatible with. Clients read it to decide what they may ask. */
const TEMPO_VERSION = '2.10.8';

export const BUILD_INFO: BuildInfo = { version: TEMPO_VERSION, revision: '', branch: '', buildUser: '', buildDate: '', goVersion: '' };

export function versionText(): string {
  return `vivace, version ${VERSION} (compatible with Tempo ${TEMPO_VERSION})\n  node version: ${process.version}\n  platform: ${process.platform}/${process.arch}\n`;
}
