import type { ServerInterceptor } from '@grpc/grpc-js';
import grpc from '@grpc/grpc-js';
import { DECODERS } from './content-encoding.ts';

const SIZE_KEY = 'distributor.receivers.otlp.protocols.grpc.max_recv_msg_size_mib';
/** What exporters of the OpenTelemetry Collector can be told to send and grpc-js cannot read; snappy is the framed one here. */
const MORE_ENCODINGS = ['zstd', 'snappy'];
/** Of a message: whether it is compressed, and its length. */
const PREFIX_BYTES = 5;

/** Private in grpc-js, so any of it may be gone in another version: then there are more collections, and fewer encodings. */
interface InnermostCall {
  readonly decoder?: { readPartialMessage?: unknown[] };
  decompressMessage?: (message: Buffer, encoding: string) => Buffer | Promise<Buffer>;
}

/**
 * What grpc-js lacks for OTLP; the innermost call object does these things itself, past all interceptors, so its methods are replaced on the object.
 * - Its own refusal of a large message gets the key to change.
 * - Messages in zstd and snappy are read, up to `maxMessageBytes` of what they decompress to.
 * - The chunks of the message are dropped once the call is answered: the decoder keeps them until the call is collected, which only a full collection
 *   does (node:http2 refers to every stream by a weak handle), and at 10 MB a second they would cause two of those every three seconds.
 */
export function amendCall(maxMessageBytes: number): ServerInterceptor {
  return (_method, call) => {
    const send = call.sendStatus.bind(call);
    const inner = call as InnermostCall;
    call.sendStatus = (status) => {
      if (inner.decoder?.readPartialMessage) inner.decoder.readPartialMessage = [];
      const tooLarge =
        status.code === grpc.status.RESOURCE_EXHAUSTED && /larger than/.test(status.details ?? '') && !status.metadata?.get('grpc-status-details-bin').length;
      send(tooLarge ? { ...status, details: `${status.details} bytes; raise ${SIZE_KEY} or send smaller batches` } : status);
    };
    const known = inner.decompressMessage?.bind(inner);
    if (known !== undefined) {
      inner.decompressMessage = (message, encoding) => {
        const decode = MORE_ENCODINGS.includes(encoding) ? DECODERS.get(encoding) : undefined;
        if (decode === undefined) return known(message, encoding);
        return decode(message.subarray(PREFIX_BYTES), maxMessageBytes).catch((error: NodeJS.ErrnoException) =>
          Promise.reject(refusal(error, encoding, maxMessageBytes)),
        );
      };
    }
    return new grpc.ServerInterceptingCall(call);
  };
}

/** The statuses that grpc-js gives with its own encodings, which are those of https://github.com/grpc/grpc/blob/master/doc/compression.md */
function refusal(error: NodeJS.ErrnoException, encoding: string, maxBytes: number): Error {
  const [code, details] =
    error.code === 'ERR_BUFFER_TOO_LARGE'
      ? [grpc.status.RESOURCE_EXHAUSTED, `Received message that decompresses to a size larger than ${maxBytes}`]
      : [grpc.status.INTERNAL, `message is not valid ${encoding}: ${error.message}`];
  return Object.assign(new Error(details), { code, details });
}
