export { openLog } from './log.ts';
export type { Log, LogOptions, LogPosition, LogTimers } from './log.ts';
export { replay } from './replay.ts';
export type { FrameHandler, FrameVerdict, ReplayOptions, ReplayProgress, ReplayReport, SegmentRange } from './replay.ts';
export type { ByteRange, Frame } from './scan-segment.ts';
// Internal, for tests of failure.
export type { LogFile, LogFs } from './log-fs.ts';
