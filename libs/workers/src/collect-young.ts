import v8 from 'node:v8';
import vm from 'node:vm';

type Collect = (options: { readonly type: 'minor' }) => void;
let collect: Collect | undefined;

/**
 * Runs a young-generation collection of this thread (about a millisecond). Shared memory lives until every thread that saw it has dropped its
 * views, and a thread that allocates little JavaScript may not collect for minutes: call this after work on large tables that came by handle.
 */
export function collectYoung(): void {
  if (!collect) {
    v8.setFlagsFromString('--expose-gc');
    collect = vm.runInNewContext('gc') as Collect;
    v8.setFlagsFromString('--no-expose-gc');
  }
  collect({ type: 'minor' });
}
