/**
 * Writes text to a stream of the process. What cannot be written, because the disk is full or nobody reads the pipe any more, is lost: that
 * the log cannot be kept must not end a process that keeps spans.
 */
export function writerTo(stream: NodeJS.WritableStream): (text: string) => void {
  stream.on('error', () => undefined);
  return (text) => void stream.write(text);
}
