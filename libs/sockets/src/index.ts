export { followFiles } from './follow-files.ts';
export type { FollowedFiles, FollowOptions } from './follow-files.ts';
export { readServerTls } from './server-tls.ts';
export type { ServerTls } from './server-tls.ts';
export { sharePort } from './share-port.ts';
export type { SharedPort, SharePortOptions } from './share-port.ts';
export { HTTP2_PREFACE, tellApart } from './tell-apart.ts';
