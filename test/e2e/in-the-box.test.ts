import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/net.js';
import { until } from '../support/until.js';
import { isAlive } from './support/processes.js';
import { ROOT } from './support/service.js';

/** Needs nothing but the project itself: the base that it brings and pictures from npm packages. */
const home = mkdtempSync(join(tmpdir(), 'graft-box-'));
let port: number;
let pid: number | null = null;
beforeAll(async () => {
  port = await freePort();
});
afterAll(async () => {
  const running = pid;
  if (running !== null) {
    if (isAlive(running)) process.kill(running, 'SIGTERM');
    await until(() => expect(isAlive(running)).toBe(false), 30_000);
  }
  rmSync(home, { recursive: true, force: true });
});

/** Runs the demo; with `until`, presses Ctrl-C once it has said that. */
function demo(args: readonly string[] = [], until?: RegExp): Promise<{ code: number; output: string }> {
  const env: NodeJS.ProcessEnv = { ...process.env, GRAFT_HOME: join(home, '.graft'), PORT: `${port}` };
  for (const name of ['DATABASE_URL', 'QUEUE_URL', 'HOST', 'PREDICT_URL', 'GRAFT_URL', 'NODE_OPTIONS'])
    delete env[name];
  return new Promise((resolve) => {
    const options = { cwd: ROOT, env };
    const child = execFile(process.execPath, ['scripts/demo/main.mjs', ...args], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr }),
    );
    child.stdout?.on('data', (text: string) => {
      if (until?.test(text)) child.kill('SIGINT');
    });
  });
}
async function get(path: string) {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  return (await answer.json()) as { id: string; labels: string[]; base: { id: string } };
}

test('the demo starts Graft, trains on the base in the box, beats bare pixels, and leaves it all running', async () => {
  const { code, output } = await demo();
  const stop = /Stop +kill (\d+)/.exec(output);
  pid = stop === null ? null : Number(stop[1]);
  expect(code, output).toBe(0);
  expect(pid).not.toBeNull();
  const [ours, scratch, pixels] = ['with photo-small', 'the same network from scratch', 'the pixels alone'].map(
    (what) => Number(new RegExp(`  ${what} +([\\d.]+) % right +in +[\\d.]+ s`).exec(output)![1]),
  );
  expect(ours).toBeGreaterThan(75);
  expect(ours! - scratch!).toBeGreaterThan(15);
  expect(ours! - pixels!).toBeGreaterThan(15);
  expect(output).toMatch(/actual \\ predicted +animals +food +vehicles/);
  expect(output.match(/val\/\w+\/[\w-]+-twemoji\.png +\w+ [\d.]+ %/g)!.length).toBeGreaterThanOrEqual(3);
  const model = await get(`/v1/models/${/models\/(mdl_\w+)\/predict/.exec(output)![1]}`);
  expect(model.labels).toEqual(['animals', 'food', 'vehicles']);
  const base = await get('/v1/bases/photo-small');
  expect(base).toMatchObject({ state: 'ready', license: 'Apache-2.0', preprocessingSource: 'metadata' });
  expect(model.base.id).toBe(base.id);
});

test('texts: names of emoji by category on the base in the box, better than a bag of words', async () => {
  const { code, output } = await demo(['--text']);
  expect(code, output).toBe(0);
  const [ours, bag] = ['with text-small', 'a bag of words, as its tokenizer cuts them'].map((what) =>
    Number(new RegExp(`  ${what} +([\\d.]+) % right +in +[\\d.]+ s`).exec(output)![1]),
  );
  expect(ours).toBeGreaterThan(bag!);
  expect(output).toMatch(/actual \\ predicted +activity +animal or nature +food +object +travel or place/);
  const model = await get(`/v1/models/${/models download (mdl_\w+)/.exec(output)![1]}`);
  const said = output.split('Texts that were kept back')[1]!.split('The model is served')[0]!;
  expect(said.match(/^ {2}\w.* {2}[a-z ]+ [\d.]+ % {2}[a-z ]+ [\d.]+ %$/gm), said).toHaveLength(10);
  const base = await get('/v1/bases/text-small');
  expect(base).toMatchObject({ state: 'ready', license: 'Apache-2.0', text: { pooling: 'mean', vocabulary: 9000 } });
  expect(model.base.id).toBe(base.id);
});

test('texts of one’s own, and a file that is not there', async () => {
  const path = join(home, 'moods.csv');
  const rows = ['good', 'fine', 'lovely', 'happy', 'great'].flatMap((word) =>
    ['day', 'song', 'meal', 'walk'].flatMap((what) => [`a ${word} ${what},up`, `not a ${word} ${what} at all,down`]),
  );
  await writeFile(path, `text,mood\n${rows.join('\n')}\n`);
  const { code, output } = await demo(['--text', path]);
  expect(code, output).toBe(0);
  expect(output).toMatch(/40 examples .*2 labels: down, up/);
  const missing = await demo(['--text', 'no-such.csv']);
  expect(missing).toMatchObject({ code: 2, output: expect.stringContaining("no file 'no-such.csv'") });
});

test('again, on a folder of one’s own, with what runs already', async () => {
  const folder = join(home, 'colours');
  for (const [label, r] of [
    ['red', 220],
    ['dark', 20],
  ] as const) {
    await mkdir(join(folder, label), { recursive: true });
    for (let i = 0; i < 20; i++) {
      const background = { r: r + i, g: 8 * i, b: 160 - 8 * i };
      await sharp({ create: { width: 64, height: 48, channels: 3, background } })
        .jpeg()
        .toFile(join(folder, label, `${i}.jpg`));
    }
  }
  // One is left out, the other is kept back, being the last by name: neither may end the demo.
  await writeFile(join(folder, 'red/00.jpg'), 'not a picture');
  await writeFile(join(folder, 'dark/broken.jpg'), 'not a picture');
  const { code, output } = await demo([folder]);
  expect(code, output).toBe(0);
  expect(output).toMatch(/Graft runs at/);
  expect(output).not.toMatch(/Stop +kill/);
  expect(output).toMatch(/37 examples/);
  expect(output).toMatch(/left out: red\/00\.jpg/);
  expect(output).toMatch(/red\/9\.jpg +red/);
  expect(output).toMatch(/dark\/broken\.jpg +The file is no picture/);
  expect(output).toMatch(/dark\/9\.jpg +dark/);
  expect(output).toContain(`--data-binary '@${join(folder, 'dark/9.jpg')}'`);

  const cut = await demo([folder], /examples/);
  expect(cut.code).toBe(130);
  expect(cut.output).toMatch(/Graft goes on running at http.*To stop it: /);
});

test('a folder that is not there, and one without pictures, are refused in words', async () => {
  expect(await demo(['no-such-folder'])).toMatchObject({ code: 2, output: expect.stringContaining('no-such-folder') });
  await mkdir(join(home, 'empty'));
  const empty = await demo([join(home, 'empty')]);
  expect(empty.code).toBe(1);
  expect(empty.output).toMatch(/error: /);
});
