import { group, int, on } from './node.ts';

export const workers = group('Threads for queries, parts and blocks. (Not in Tempo.)', {
  threads: int(0, 'Threads; 0 is one for each CPU, but 2 at least. (Not in Tempo.)', { ...on, max: 1_024 }),
  max_queued: int(2_000, 'Tasks that may wait for a thread, of queries and of writing each; more are refused. (Not in Tempo.)', { ...on, min: 1 }),
});
