import type { Push } from './receiver.ts';

/** A push that is not answered before `release`; `entered` tells that the first has come. */
export function heldPush() {
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const push: Push = async () => {
    entered.resolve();
    await release.promise;
    return { rejectedSpans: 0, message: '' };
  };
  return { push, entered: entered.promise, release: release.resolve };
}
