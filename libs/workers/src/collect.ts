import v8 from 'node:v8';
import vm from 'node:vm';

type Collect = (options: { readonly type: 'minor' | 'major'; readonly execution: 'sync' }) => void;
let gc: Collect | undefined;

/**
 * Runs a garbage collection of this thread, where V8 cannot know that one is worth it: shared memory lives until every thread that saw it
 * has dropped its views, and buffers off the heap until a collection finds them dead, however little JavaScript the thread allocates.
 * `minor` (about a millisecond) frees what is younger than two collections, `major` (some 10 ms for a small heap) everything.
 */
export function collect(type: 'minor' | 'major'): void {
  if (!gc) {
    // The flag holds for all threads; it stays set, because another thread may be between these two lines too.
    v8.setFlagsFromString('--expose-gc');
    gc = vm.runInNewContext('gc') as Collect;
  }
  gc({ type, execution: 'sync' });
}

/** Counts bytes of short-lived buffers and runs a minor collection whenever another `everyBytes` have passed. */
export function minorCollections(everyBytes: number): (bytes: number) => void {
  let passed = 0;
  return (bytes) => {
    passed += bytes;
    if (passed < everyBytes) return;
    passed = 0;
    // Later, when nothing on the stack holds the buffer any more.
    setImmediate(() => collect('minor'));
  };
}
