import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

/** What processes have used so far, from /proc. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly rssMb: number;
}

const TICKS_PER_SECOND = 100;

export function usageOf(pids: readonly number[]): Usage {
  let cpuSeconds = 0;
  let rssMb = 0;
  for (const pid of pids) {
    try {
      const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
      cpuSeconds += (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
      rssMb += Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    } catch {
      // It has ended: what it used is not to be had any more.
    }
  }
  return { cpuSeconds, rssMb };
}

/** Milliseconds of CPU so far of all threads that live, to the microsecond: for what takes less than the ticks of `usageOf`. */
export function cpuMsOf(pids: readonly number[]): number {
  let ns = 0;
  for (const pid of pids) {
    try {
      for (const thread of fs.readdirSync(`/proc/${pid}/task`)) ns += Number(fs.readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // It has ended, or a thread of it has.
    }
  }
  return ns / 1e6;
}

/** CPU-seconds so far by thread name; threads of one name are added up. */
export function threadCpuOf(pids: readonly number[]): Map<string, number> {
  const seconds = new Map<string, number>();
  for (const pid of pids) {
    for (const task of fs.globSync(`/proc/${pid}/task/*`)) {
      try {
        const [head, tail] = fs.readFileSync(`${task}/stat`, 'utf8').split(') ');
        const name = head.slice(head.indexOf('(') + 1);
        const fields = tail.split(' ');
        seconds.set(name, (seconds.get(name) ?? 0) + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND);
      } catch {
        // The thread has ended.
      }
    }
  }
  return seconds;
}

/** Bytes of all files in a folder, which may not be there yet: a process makes the one of its blocks with the first of them. */
export function diskBytes(folder: string): number {
  if (!fs.existsSync(folder)) return 0;
  return Number(execFileSync('du', ['-sb', folder], { encoding: 'utf8' }).split('\t')[0]);
}
