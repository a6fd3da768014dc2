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

export function diskBytes(folder: string): number {
  return Number(execFileSync('du', ['-sb', folder], { encoding: 'utf8' }).split('\t')[0]);
}
