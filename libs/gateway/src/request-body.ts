import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

export interface RequestBody {
  /** Whether anything of it was taken, so that it cannot be sent again. */
  readonly started: boolean;
  /** A stream for one attempt to send it. */
  open(): Readable;
}

export interface RequestBodyOptions {
  /** 0 is no limit. */
  readonly maxBytes: number;
  /** Called once, when somebody wants the first byte. */
  readonly onStart: () => void;
  readonly onProgress: () => void;
}

/** Of a body that turned out to be too large while it came. */
export class BodyTooLargeError extends Error {}

/**
 * The body of a request for another server. The client's stream lives through attempts that fail: destroying it would destroy the connection and with it the
 * answer. Nothing is read before it is asked for, and not more than the upstream takes. Once an attempt that has begun ends, the rest is read and dropped.
 */
export function requestBody(request: IncomingMessage, { maxBytes, onStart, onProgress }: RequestBodyOptions): RequestBody {
  let started = false;
  function open(): Readable {
    let attached = false;
    let bytes = 0;
    const onData = (chunk: Buffer): void => {
      onProgress();
      bytes += chunk.length;
      if (maxBytes > 0 && bytes > maxBytes) body.destroy(new BodyTooLargeError());
      else if (!body.push(chunk)) request.pause();
    };
    const onEnd = (): void => void body.push(null);
    const onClose = (): void => void (request.readableEnded || body.destroy(new Error('the client has gone')));
    const body = new Readable({
      read() {
        if (!attached) {
          attached = true;
          if (!started) onStart();
          started = true;
          request.on('data', onData).on('end', onEnd).on('close', onClose);
        }
        request.resume();
      },
      destroy(error, done) {
        if (attached) {
          request.off('data', onData).off('end', onEnd).off('close', onClose);
          request.resume();
        }
        done(error);
      },
    });
    return body;
  }
  return {
    get started() {
      return started;
    },
    open,
  };
}
