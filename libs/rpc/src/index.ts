export { callOnce, localChannel, openChannel } from './channel.ts';
export type { RpcChannel } from './channel.ts';
export { decode, encode } from './codec.ts';
export { createDirectServer } from './direct/direct-server.ts';
export type { DirectServer, DirectServerOptions } from './direct/direct-server.ts';
export { DIRECT_PREFACE } from './direct/protocol.ts';
export { FrameJoiner, toFrames } from './frames.ts';
export type { CallOptions, ChannelOptions } from './options.ts';
