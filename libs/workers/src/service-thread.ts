import { parentPort, Worker, workerData } from 'node:worker_threads';
import { AppError, assert } from '@vivace/base';
import { execArgvFor } from './exec-argv.ts';
import { createRpc } from './thread-rpc.ts';
import type { Rpc, RpcHandlers } from './thread-rpc.ts';

export interface ServiceThreadOptions {
  readonly script: URL;
  readonly name: string;
  /** Handed to the thread (structured clone); `threadRpc` gives it there. */
  readonly data: unknown;
  /** What the thread may ask of this one. */
  readonly handlers: RpcHandlers;
  /** The thread ended without having been told to. */
  readonly onCrash: (error: AppError) => void;
}

export interface ServiceThread<H extends RpcHandlers> {
  readonly rpc: Rpc<H>;
  /** Ends the thread at once. */
  end(): Promise<void>;
}

/** A thread that lives as long as the process and does one thing; the two sides call each other. `H`: what its script serves. */
export function startThread<H extends RpcHandlers>({ script, name, data, handlers, onCrash }: ServiceThreadOptions): ServiceThread<H> {
  const worker = new Worker(script, { name, workerData: data, execArgv: execArgvFor(script) });
  const rpc = createRpc<H>(worker, handlers);
  let ending = false;
  let cause: unknown;
  worker.once('error', (error) => {
    cause = error;
  });
  worker.once('exit', (code) => {
    const error = new AppError('unavailable', `${name} thread ended with code ${code}`, { cause });
    rpc.close(error);
    if (!ending) onCrash(error);
  });
  return {
    rpc,
    async end() {
      ending = true;
      await worker.terminate();
    },
  };
}

/** In the thread: serves `handlers` and gives what `startThread` was given. `H`: what the parent serves; `D`: the type of its `data`. */
export function threadRpc<D, H extends RpcHandlers>(handlers: RpcHandlers): { readonly data: D; readonly parent: Rpc<H> } {
  assert(parentPort, 'threadRpc runs in a worker thread');
  return { data: workerData as D, parent: createRpc<H>(parentPort, handlers) };
}
