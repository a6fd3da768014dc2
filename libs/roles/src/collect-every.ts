/** Request bytes between two minor collections, in the receiver thread and in the main thread: about what dead buffers may amount to. */
export const COLLECT_EVERY_BYTES = 16 << 20;
