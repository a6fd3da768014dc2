import { cpuMsOf } from './process-stats.ts';
import type { Question } from './questions.ts';

export interface Target {
  readonly name: string;
  readonly url: string;
  readonly pids: readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly firstMs: number;
  readonly p50Ms: number;
  readonly minMs: number;
  /** Server CPU of the first request, and of one of the others on average. */
  readonly firstCpuMs: number;
  readonly cpuMs: number;
  /** What came back, in short, so that two targets can be seen to agree. */
  readonly summary: string;
}

const TIMEOUT_MS = 60_000;

/** Asks `times` times of every target in turn (A B A B …), so that a drifting machine is fair to both. */
export async function ask(targets: readonly Target[], question: Question, times: number): Promise<Answer[]> {
  const runs = targets.map(() => ({ ms: [] as number[], cpu: [] as number[], status: 0, body: '' }));
  for (let i = 0; i < times; i++) {
    for (const [t, target] of targets.entries()) {
      const run = runs[t];
      const cpu = cpuMsOf(target.pids);
      const at = performance.now();
      const response = await fetch(target.url + question.path, { headers: target.headers ?? {}, signal: AbortSignal.timeout(TIMEOUT_MS) });
      run.body = await response.text();
      run.ms.push(performance.now() - at);
      run.cpu.push(cpuMsOf(target.pids) - cpu);
      run.status = response.status;
    }
  }
  return runs.map(({ ms, cpu, status, body }) => {
    const sorted = [...ms].sort((a, b) => a - b);
    const [firstCpuMs, ...others] = cpu;
    const cpuMs = others.reduce((sum, used) => sum + used, 0) / Math.max(1, others.length);
    return { status, firstMs: ms[0], p50Ms: sorted[sorted.length >> 1], minMs: sorted[0], firstCpuMs, cpuMs, summary: summarise(status, body) };
  });
}

interface AnyAnswer {
  traces?: unknown[];
  series?: unknown[];
  scopes?: unknown[];
  tagValues?: unknown[];
  trace?: { resourceSpans?: { scopeSpans: { spans: unknown[] }[] }[] };
}

function summarise(status: number, body: string): string {
  if (status !== 200) return body.slice(0, 60);
  const json = JSON.parse(body) as AnyAnswer;
  for (const key of ['traces', 'series', 'scopes', 'tagValues'] as const) if (json[key]) return `${json[key].length} ${key}`;
  return `${(json.trace?.resourceSpans ?? []).flatMap((r) => r.scopeSpans).flatMap((s) => s.spans).length} spans`;
}
