// npm run bench -- load  --url grpc://127.0.0.1:4317 [--spans N] [--rate N] [--connections 4] [--batch 1000] [--pid P,P] [--settle 75] [--dir BLOCKS] [--save F]
// npm run bench -- query --url http://127.0.0.1:3200 [--pid P] [--from F] [--times 7] [--other-url U --other-pid P] [--no-metrics] [--save F]
// npm run bench -- clients --url http://127.0.0.1:3200 --otlp grpc://127.0.0.1:4317 [--clients 20] [--seconds 60] [--think-ms 1000] [--rate 20000] [--from F] [--pid P]
// npm run bench -- cluster [--ingesters 3] [--port 27000] [--warm N] [--spans N] [--rate N] [--settle 20] [--node-args ARGS]
// `--from` is a file that `load --save` wrote: it knows the time range and trace ids. With `--other-url` two targets are asked in turn.
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { ask } from './ask.ts';
import { runClients } from './clients.ts';
import { benchCluster } from './cluster.ts';
import { load } from './load.ts';
import type { LoadResult } from './load.ts';
import { questions } from './questions.ts';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: 'string' },
    spans: { type: 'string', default: '200000' },
    rate: { type: 'string', default: '0' },
    connections: { type: 'string', default: '4' },
    batch: { type: 'string', default: '1000' },
    templates: { type: 'string', default: '256' },
    seed: { type: 'string', default: '1' },
    age: { type: 'string', default: '5' },
    pid: { type: 'string', default: '' },
    settle: { type: 'string', default: '0' },
    dir: { type: 'string' },
    tenant: { type: 'string' },
    from: { type: 'string' },
    times: { type: 'string', default: '7' },
    'other-url': { type: 'string' },
    'other-pid': { type: 'string', default: '' },
    otlp: { type: 'string', default: 'grpc://127.0.0.1:4317' },
    clients: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '60' },
    'think-ms': { type: 'string', default: '1000' },
    'no-metrics': { type: 'boolean', default: false },
    ingesters: { type: 'string', default: '3' },
    port: { type: 'string', default: '27000' },
    warm: { type: 'string', default: '0' },
    'node-args': { type: 'string', default: '' },
    save: { type: 'string' },
  },
});

const pidsOf = (text: string) => text.split(',').filter(Boolean).map(Number);
const headers: Record<string, string> = flags.tenant === undefined ? {} : { 'x-scope-orgid': flags.tenant };
const save = (result: unknown) => {
  if (flags.save !== undefined) fs.writeFileSync(flags.save, JSON.stringify(result, null, 1));
};

function sendSpans(what: { readonly url: string; readonly spans: number; readonly rate: number }): Promise<LoadResult> {
  return load({
    ...what,
    connections: Number(flags.connections),
    batch: Number(flags.batch),
    templates: Number(flags.templates),
    seed: Number(flags.seed),
    ageSec: Number(flags.age),
    pids: pidsOf(flags.pid),
    settleSec: Number(flags.settle),
    dir: flags.dir,
    headers,
  });
}

async function runCluster(): Promise<void> {
  const results = await benchCluster({
    ingesters: Number(flags.ingesters),
    port: Number(flags.port),
    warmSpans: Number(flags.warm),
    distributorArgs: flags['node-args'].split(' ').filter(Boolean),
    spans: Number(flags.spans),
    rate: Number(flags.rate),
    connections: Number(flags.connections),
    batch: Number(flags.batch),
    templates: Number(flags.templates),
    seed: Number(flags.seed),
    ageSec: Number(flags.age),
    settleSec: Number(flags.settle),
    headers,
  });
  save(results);
  for (const { cpuPerMillion, cpuPerMillionByThread, ...shown } of results) {
    console.table(shown);
    console.log('CPU-seconds a million spans, by process, and by thread of the one that takes them');
    console.table(cpuPerMillion);
    console.table(cpuPerMillionByThread);
  }
}

async function runLoad(): Promise<void> {
  const result = await sendSpans({ url: flags.url ?? 'grpc://127.0.0.1:4317', spans: Number(flags.spans), rate: Number(flags.rate) });
  save(result);
  const { sampleIds: _, cpuPerMillionByThread, ...shown } = result;
  console.table(shown);
  console.log('CPU-seconds a million spans while sending, by thread');
  console.table(cpuPerMillionByThread);
}

async function runQuery(): Promise<void> {
  const now = Math.ceil(Date.now() / 1000);
  const data: Pick<LoadResult, 'sampleIds' | 'startSec' | 'endSec'> =
    flags.from === undefined ? { sampleIds: [], startSec: now - 3600, endSec: now } : (JSON.parse(fs.readFileSync(flags.from, 'utf8')) as LoadResult);
  const targets = [{ name: 'A', url: flags.url ?? 'http://127.0.0.1:3200', pids: pidsOf(flags.pid), headers }];
  if (flags['other-url'] !== undefined) targets.push({ name: 'B', url: flags['other-url'], pids: pidsOf(flags['other-pid']), headers });
  const rows = [];
  for (const question of questions(data.startSec, data.endSec, data.sampleIds)) {
    if (question.metrics && flags['no-metrics']) continue;
    const answers = await ask(targets, question, Number(flags.times));
    rows.push({ question: question.name, answers });
    const cells = answers.map(
      (a, i) => `${targets[i].name} ${a.status} first ${ms(a.firstMs)} p50 ${ms(a.p50Ms)} cpu first ${ms(a.firstCpuMs)} then ${ms(a.cpuMs)} [${a.summary}]`,
    );
    const ratio = answers.length === 2 ? `  A/B ${(answers[0].p50Ms / answers[1].p50Ms).toFixed(2)}` : '';
    console.log(`${question.name.slice(0, 80).padEnd(80)} ${cells.join('  ')}${ratio}`);
  }
  save(rows);
}

/** Clients that ask while spans arrive: does one starve the other? */
async function runBoth(): Promise<void> {
  const seconds = Number(flags.seconds);
  const rate = Number(flags.rate) || 20_000;
  const now = Math.floor(Date.now() / 1000);
  const data: Pick<LoadResult, 'sampleIds' | 'startSec'> =
    flags.from === undefined ? { sampleIds: [], startSec: now - 900 } : (JSON.parse(fs.readFileSync(flags.from, 'utf8')) as LoadResult);
  const [load, asked] = await Promise.all([
    sendSpans({ url: flags.otlp, spans: seconds * rate, rate }),
    runClients({
      url: flags.url ?? 'http://127.0.0.1:3200',
      clients: Number(flags.clients),
      seconds,
      thinkMs: Number(flags['think-ms']),
      seed: Number(flags.seed),
      ids: data.sampleIds,
      startSec: data.startSec,
      headers,
    }),
  ]);
  const { acceptedSpans, refusedSpans, errors: ingestErrors, spansPerSecond, latencyP50Ms, latencyP99Ms, rssPeakMb } = load;
  const { byKind, ...shown } = asked;
  save({ ingest: { acceptedSpans, refusedSpans, ingestErrors, spansPerSecond, latencyP50Ms, latencyP99Ms, rssPeakMb }, asked });
  console.table({ acceptedSpans, refusedSpans, ingestErrors, spansPerSecond, latencyP50Ms, latencyP99Ms, rssPeakMb });
  console.table(shown);
  console.table(byKind);
}

function ms(value: number): string {
  return value.toFixed(1).padStart(7);
}

switch (positionals[0]) {
  case 'load':
    await runLoad();
    process.exit(0);
    break;
  case 'query':
    await runQuery();
    break;
  case 'clients':
    await runBoth();
    process.exit(0);
    break;
  case 'cluster':
    await runCluster();
    process.exit(0);
    break;
  default:
    console.error('usage: npm run bench -- load|query|clients|cluster [flags]; the flags are at the top of bench/src/main.ts');
    process.exit(2);
}
