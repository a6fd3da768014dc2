import type { MessagePort, Transferable, Worker } from 'node:worker_threads';
import { AppError } from '@vivace/base';
import { decodeError, encodeError } from './messages.ts';
import type { ErrorMessage } from './messages.ts';

/** What a side of a channel offers: one input, one answer. `never` makes every handler assignable. */
export type RpcHandlers = Readonly<Record<string, (input: never) => unknown>>;

type Input<H> = H extends (input: infer I) => unknown ? I : never;
type Output<H> = H extends (input: never) => infer O ? Awaited<O> : never;

/** The other side of a channel whose handlers are `H`. */
export interface Rpc<H extends RpcHandlers> {
  /** Rejects with the handler's AppError, or with `unavailable` once the channel is closed. `transfer` is moved, not copied. */
  call<K extends keyof H & string>(name: K, input: Input<H[K]>, transfer?: readonly Transferable[]): Promise<Output<H[K]>>;
  /** Rejects what waits for an answer, and every later call. */
  close(reason: AppError): void;
}

type Message =
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly input: unknown }
  | { readonly kind: 'result'; readonly id: number; readonly output: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: ErrorMessage };

interface Waiting {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: AppError) => void;
}

/**
 * Calls in both directions between two threads, any number at once: for a thread that asks its parent for things while it runs. (For
 * work handed to whichever thread is free there is the pool.) `handlers` answer the other side.
 */
export function createRpc<Theirs extends RpcHandlers>(port: MessagePort | Worker, handlers: RpcHandlers): Rpc<Theirs> {
  const waiting = new Map<number, Waiting>();
  let closed: AppError | undefined;
  let nextId = 0;
  const post = (message: Message, transfer: readonly Transferable[] = []): void => port.postMessage(message, transfer);

  const answer = async (id: number, name: string, input: unknown): Promise<void> => {
    try {
      const handler = handlers[name];
      if (!handler) throw new AppError('internal', `thread has no handler ${name}`);
      // The type parameter of the other side's `Rpc` is the type of these handlers.
      post({ kind: 'result', id, output: await handler(input as never) });
    } catch (reason) {
      post({ kind: 'error', id, error: encodeError(reason) });
    }
  };

  port.on('message', (message: Message) => {
    if (message.kind === 'call') return void answer(message.id, message.name, message.input);
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.kind === 'result') call?.resolve(message.output);
    else call?.reject(decodeError(message.error));
  });

  return {
    call(name, input, transfer) {
      return new Promise((resolve, reject) => {
        if (closed) return reject(closed);
        const id = nextId++;
        waiting.set(id, { resolve: resolve as (output: unknown) => void, reject });
        post({ kind: 'call', id, name, input }, transfer);
      });
    },
    close(reason) {
      closed = reason;
      for (const { reject } of waiting.values()) reject(reason);
      waiting.clear();
    },
  };
}
