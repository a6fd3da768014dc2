export { callOnce, localChannel, openChannel } from './channel.ts';
export type { CallOptions, ChannelOptions, RpcChannel } from './channel.ts';
export { decode, encode } from './codec.ts';
export { FrameJoiner, toFrames } from './frames.ts';
