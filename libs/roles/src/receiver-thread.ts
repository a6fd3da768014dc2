// The thread of the receivers: connections, decompression and JSON. It has a heap of its own, small, because network buffers make
// V8 collect it often (docs/adr/0007-receiver-thread.md); request bytes are moved to the main thread, never copied.
import type { LogFields, Logger, LogLevel } from '@vivace/base';
import type { ReceiversConfig } from '@vivace/config';
import { MemoryBudget, startOtlpGrpc, startOtlpHttp } from '@vivace/receivers';
import type { Push, Receiver } from '@vivace/receivers';
import { minorCollections, threadRpc } from '@vivace/workers';
import { COLLECT_EVERY_BYTES } from './collect-every.ts';
import type { ReceiverParent } from './receivers.ts';

/** What the main thread may ask. */
const handlers = {
  /** Listens as configured; gives the real ports by name. */
  async start(config: ReceiversConfig): Promise<Readonly<Record<string, number>>> {
    const shared = { push, budget: new MemoryBudget(config.maxPendingBytes, log({})), logger: log({}) };
    if (config.otlpGrpc) running.set('otlpGrpc', await startOtlpGrpc({ config: config.otlpGrpc, ...shared }));
    if (config.otlpHttp) running.set('otlpHttp', await startOtlpHttp({ config: config.otlpHttp, ...shared }));
    return Object.fromEntries([...running].map(([name, { port }]) => [name, port]));
  },
  async stop(timeoutMs: number): Promise<void> {
    await Promise.all([...running.values()].map((receiver) => receiver.stop(timeoutMs)));
  },
};
export type ReceiverThread = typeof handlers;

const running = new Map<string, Receiver>();
const { parent } = threadRpc<undefined, ReceiverParent>(handlers);

const passed = minorCollections(COLLECT_EVERY_BYTES);
const push: Push = (tenant, bytes, info) => {
  const own = owned(bytes);
  passed(own.length);
  return parent.call('push', { tenant, bytes: own, info }, [own.buffer]);
};

/** Bytes of a gRPC message's prefix, which may stand before it in its buffer. */
const PREFIX_BYTES = 5;

/** The bytes in a buffer that holds nothing else, so that it can be moved. Small ones come from Node's pool and are copied. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const alone = buffer instanceof ArrayBuffer && buffer.byteLength - bytes.byteLength <= PREFIX_BYTES;
  return alone ? new Uint8Array(buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
}

function log(bound: LogFields): Logger {
  const at = (level: LogLevel) => (msg: string, fields?: LogFields) => {
    void parent.call('log', { level, msg, fields: plain({ ...bound, ...fields }) });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: (fields) => log({ ...bound, ...fields }) };
}

/** Errors lose their code on the way to another thread, so they are told as text. */
function plain(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? (value.stack ?? value.message) : value]));
}
