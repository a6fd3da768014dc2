import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Chance } from './damage.ts';
import { chanceOf, DAMAGES } from './damage.ts';
import type { FolderContents } from './damaged-folder.ts';
import { isKept, readContents, undamagedTraces, unreadableFiles } from './damaged-folder.ts';
import { newTraceId, tracesOf } from './otlp-json.ts';
import { search } from './trace-answer.ts';
import { Vivace } from './vivace.ts';

// The data folder of a killed process, damaged in every way: the process starts, finds what is undamaged, deletes nothing that it cannot read.

const SPANS_PER_TRACE = 3;
const TRACES_PER_RUN = 30;
/** Nothing is cut or stored by itself, so that a copy of the folder stays as it is. */
const STILL = ['-ingester.trace-idle-period=1h', '-ingester.trace-live-period=1h', '-ingester.flush-check-period=1h'];

let vivace: Vivace;
let original: string;
let contents: FolderContents;
const stored: string[] = [];

beforeAll(async () => {
  vivace = await Vivace.create({ ingester: { trace_idle_period: '200ms', trace_live_period: '400ms', flush_check_period: '100ms', max_block_duration: '1h' } });
  const all: string[] = [];
  const pushRun = async (): Promise<readonly string[]> => {
    const ids = Array.from({ length: TRACES_PER_RUN }, newTraceId);
    for (const id of ids) await vivace.push(tracesOf('damage', [id], SPANS_PER_TRACE));
    all.push(...ids);
    return ids;
  };
  // One run into a block, two into parts, two into the log only.
  await vivace.start();
  stored.push(...(await pushRun()));
  await vivace.flush();
  for (let parts = 1; parts <= 2; parts++) {
    await pushRun();
    while (fs.globSync(`${vivace.dir}/wal/parts/*/*.part`).length < parts) await sleep(50);
  }
  await vivace.kill('SIGKILL');
  for (let run = 0; run < 2; run++) {
    await vivace.start(...STILL);
    await pushRun();
    await vivace.kill('SIGKILL');
  }
  original = path.join(vivace.dir, 'original');
  for (const folder of ['wal', 'blocks']) fs.cpSync(path.join(vivace.dir, folder), path.join(original, folder), { recursive: true });
  contents = await readContents(path.join(original, 'wal'), all);
  expect([...contents.segments.values()].map((frames) => frames.length).slice(-2)).toEqual([TRACES_PER_RUN, TRACES_PER_RUN]);
  expect([...contents.parts.values()].reduce((sum, ids) => sum + ids.length, 0)).toBe(2 * TRACES_PER_RUN);
});
afterAll(() => vivace.destroy());

type Damage = (wal: string, chance: Chance) => void;

/** Damages one of the files `pattern` names; the `nth` of them, counted from the end. */
function one(pattern: string, nth: number, damage: keyof typeof DAMAGES): Damage {
  return (wal, chance) => {
    const file = path.join(wal, fs.globSync(pattern, { cwd: wal }).sort().at(-nth) ?? expect.fail(`no ${pattern}`));
    fs.writeFileSync(file, DAMAGES[damage](fs.readFileSync(file), chance));
  };
}

const SEGMENT = '*.wal';
const PART = 'parts/*/*.part';
const write =
  (name: string, text: string | Buffer): Damage =>
  (wal) => {
    fs.mkdirSync(path.dirname(path.join(wal, name)), { recursive: true });
    fs.writeFileSync(path.join(wal, name), text);
  };
const noise = (chance: Chance): Buffer => Buffer.from(Array.from({ length: 5_000 }, () => Math.floor(chance() * 256)));
const newest = (wal: string, pattern: string): string => path.join(wal, fs.globSync(pattern, { cwd: wal }).sort().at(-1) ?? '');

const CASES: Readonly<Record<string, readonly Damage[]>> = {
  'nothing damaged': [],
  ...Object.fromEntries(
    [1, 2].flatMap((nth) =>
      (Object.keys(DAMAGES) as (keyof typeof DAMAGES)[]).map((damage) => [`log segment ${nth} from the end: ${damage}`, [one(SEGMENT, nth, damage)]]),
    ),
  ),
  ...Object.fromEntries((Object.keys(DAMAGES) as (keyof typeof DAMAGES)[]).map((damage) => [`a part: ${damage}`, [one(PART, 1, damage)]])),
  'every segment and part flipped': [1, 2].flatMap((nth) => [one(SEGMENT, nth, 'a bit flipped'), one(PART, nth, 'a bit flipped')]),
  'a segment of frames twice': [
    (wal) => {
      const file = newest(wal, SEGMENT);
      fs.writeFileSync(file, Buffer.concat([fs.readFileSync(file), ...(contents.segments.get(path.relative(wal, file)) ?? []).map(({ bytes }) => bytes)]));
    },
  ],
  'a copy of a segment under another number': [(wal) => fs.copyFileSync(newest(wal, SEGMENT), path.join(wal, '00000000000000000090.wal'))],
  'a foreign segment': [(wal, chance) => fs.writeFileSync(path.join(wal, '00000000000000000091.wal'), noise(chance))],
  'a segment that is a folder': [(wal) => fs.mkdirSync(path.join(wal, '00000000000000000092.wal'))],
  'a segment of a later version': [
    (wal) => {
      const file = newest(wal, SEGMENT);
      fs.writeFileSync(
        file,
        DAMAGES['overwritten'](fs.readFileSync(file), () => 0),
      );
      const bytes = fs.readFileSync(file);
      bytes.writeUInt32LE(2, 8);
      fs.writeFileSync(file, bytes);
    },
  ],
  'foreign files in every folder': [
    write('notes.txt', 'hello'),
    write('1.wal', 'hello'),
    write('00000000000000000003.wal.bak', 'hello'),
    write('parts/notes.txt', 'hello'),
    write('parts/single-tenant/notes.txt', 'hello'),
    write('parts/single-tenant/00000000000000000077.part.tmp', 'hello'),
    write('parts/no tenant!/1.part', 'hello'),
    write('blocks/single-tenant/not-a-block/data.parquet', 'hello'),
  ],
  'a foreign part': [(wal, chance) => fs.writeFileSync(path.join(wal, 'parts/single-tenant/00000000000000000078.part'), noise(chance))],
  'a part that is a folder': [(wal) => fs.mkdirSync(path.join(wal, 'parts/single-tenant/00000000000000000079.part'))],
  'a lock of nobody': [write('lock', '{"pid":1')],
  'a lock of another process': [write('lock', JSON.stringify({ pid: process.pid, startTicks: '1', bootId: 'x', token: 'y' }))],
  'no marker': [(wal) => fs.rmSync(path.join(wal, 'log.id'))],
  'a wrong marker': [write('log.id', '0000000000000000\n')],
  'an empty marker': [write('log.id', '')],
  'a watermark of nonsense': [write('parts/single-tenant/watermark.json', '{"segment":"x"')],
  'an empty watermark': [write('parts/single-tenant/watermark.json', '')],
};

describe('the process starts', () => {
  it.each(Object.keys(CASES))('%s', async (name) => {
    const wal = path.join(vivace.dir, 'wal');
    for (const folder of ['wal', 'blocks']) {
      fs.rmSync(path.join(vivace.dir, folder), { recursive: true, force: true });
      fs.cpSync(path.join(original, folder), path.join(vivace.dir, folder), { recursive: true });
    }
    const chance = chanceOf(Object.keys(CASES).indexOf(name) + 1);
    for (const damage of CASES[name]) damage(wal, chance);
    const expected = undamagedTraces(wal, contents, path.join(original, 'wal'));
    const unreadable = unreadableFiles(wal, contents);

    await vivace.start(...STILL);
    try {
      const next = newTraceId();
      await vivace.push(tracesOf('damage', [next], SPANS_PER_TRACE));
      await findAll([...expected, ...stored, next]);
      // What was read becomes a block, and its files go; what was not read must not go with them.
      await vivace.flush();
      await findAll([...expected, ...stored, next]);
    } finally {
      await vivace.kill('SIGKILL');
    }
    for (const [file, bytes] of unreadable) expect(isKept(wal, bytes), `${file} is kept`).toBe(true);
  });
});

async function findAll(expected: readonly string[]): Promise<void> {
  const found = await search(vivace, '{ resource.service.name = "damage" }');
  const ids = new Set(found.map(({ traceID }) => traceID));
  expect(ids.size, 'a trace is listed once').toBe(found.length);
  expect(
    expected.filter((id) => !ids.has(id)),
    'undamaged and not found',
  ).toEqual([]);
  for (const { spanSets } of found) expect(spanSets.map(({ matched }) => matched)).toEqual([SPANS_PER_TRACE]);
}
