import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import type { Seen } from '../../../workers/data/examine-messages.js';
import { type Examiner, type ExaminerOptions, startExaminer } from '../../../workers/data/examiner.js';
import { entryOf } from '../../../workers/entry.js';
import { picture } from '../../support/pictures.js';
import { until } from '../../support/until.js';

const CRASHING = join(import.meta.dirname, '../../support/crashing-examiner.mjs');
const open: Examiner[] = [];
const examiner = (options: Partial<ExaminerOptions> = {}) => {
  const made = startExaminer({ threads: 2, entry: CRASHING, ...options });
  open.push(made);
  return made;
};
/** Pictures of which those at `marked` do to the decoder what the mark says. */
const pictures = (count: number, marked: Readonly<Record<number, 'CRASH' | 'HANG'>> = {}) =>
  Promise.all(
    Array.from({ length: count }, async (_, i) => Buffer.concat([await picture(i), Buffer.from(marked[i] ?? '')])),
  );
const examined = (by: Examiner, all: readonly Buffer[]): Promise<Seen[]> =>
  Promise.all(all.map((bytes, i) => by.examine(`${i}.jpg`, bytes)));
const children = (): readonly number[] =>
  execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => /examine-child\.js|crashing-examiner\.mjs/.test(line))
    .map((line) => Number(line.trim().split(' ')[0]));

beforeAll(() => build());
afterEach(async () => {
  for (const one of open.splice(0)) one.close();
  await until(() => expect(children()).toEqual([]));
});

test('a picture that crashes the decoder is set aside with a reason, the others are seen as without it', async () => {
  const marked = { 3: 'CRASH', 4: 'CRASH', 11: 'CRASH' } as const;
  const undisturbed = await examined(examiner(), await pictures(12));
  const seen = await examined(examiner(), await pictures(12, marked));
  for (const [i, one] of seen.entries()) {
    if (!(i in marked)) expect(one).toEqual(undisturbed[i]);
    else
      expect(one).toEqual({ problem: { code: 'image-undecodable', detail: expect.stringMatching(/JPEG.*SIGSEGV/) } });
  }
});

test('a decoder killed by others costs no picture', async () => {
  const by = examiner({ entry: entryOf('data/examine-child') });
  const all = await pictures(40);
  const undisturbed = await examined(by, all);
  const seen: Seen[] = [];
  for (let at = 0; at < all.length; at += 4) {
    const [pid] = at % 12 === 4 ? children() : [];
    const four = all.slice(at, at + 4).map((bytes, i) => by.examine(`${at + i}.jpg`, bytes));
    // While four are under way, and once more while the first of them is tried again alone.
    if (pid !== undefined) {
      process.kill(pid, 'SIGKILL');
      await until(() => expect(children().filter((other) => other !== pid)).toHaveLength(1));
      process.kill(children()[0]!, 'SIGKILL');
    }
    seen.push(...(await Promise.all(four)));
  }
  expect(seen).toEqual(undisturbed);
});

test('a picture on which the decoder hangs is set aside', async () => {
  const seen = await examined(examiner({ silentMs: 1500 }), await pictures(5, { 2: 'HANG' }));
  expect(seen[2]).toMatchObject({ problem: { detail: expect.stringMatching(/did not finish within 1\.5 seconds/) } });
  expect(seen.filter((one) => 'image' in one)).toHaveLength(4);
});

test('more crashing pictures than are set aside end the set', async () => {
  const by = examiner({ mostCrashes: 2 });
  const all = await pictures(6, { 0: 'CRASH', 2: 'CRASH', 4: 'CRASH' });
  const ends = await Promise.allSettled(all.map((bytes, i) => by.examine(`${i}.jpg`, bytes)));
  const reason = { code: 'dataset-invalid', detail: expect.stringMatching(/^3 pictures crash.*'0\.jpg'/) };
  expect(ends.filter((end) => end.status === 'rejected').map((end) => end.reason)).toContainEqual(
    expect.objectContaining(reason),
  );
  await expect(by.examine('later.jpg', all[1]!)).rejects.toMatchObject(reason);
});

test('a decoder that cannot start is no fault of a picture', async () => {
  const by = examiner({ entry: join(import.meta.dirname, 'none.mjs') });
  await expect(by.examine('0.jpg', await picture(0))).rejects.toThrow(/ended with exit code 1.*Cannot find module/s);
});
