import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import { DEFAULT_PROJECT_ID, repositories } from '../../../src/db/index.js';
import type { Repositories } from '../../../src/domain/ports.js';
import { newId } from '../../../src/ids.js';
import { createLogger } from '../../../src/log.js';
import type { BlobStore } from '../../../src/storage/blob.js';
import { filesystemBlobStore } from '../../../src/storage/filesystem.js';
import { type DatasetCheckOptions, datasetCheck } from '../../../workers/processors/dataset-check.js';
import { sharedData } from '../../support/data.js';
import { picture } from '../../support/pictures.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { writeZip, zipFolder } from '../../support/zip.js';

let folder: string;
let db: TestDatabase;
let repos: Repositories;
let store: BlobStore;
beforeAll(async () => {
  await build();
  folder = await mkdtemp(join(tmpdir(), 'graft-check-'));
  db = await testDatabase();
  repos = repositories(db);
  store = await filesystemBlobStore(join(folder, 'blobs'));
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

const log = createLogger({ logLevel: 'silent' }, 'test');
const CRASHING = join(import.meta.dirname, '../../support/crashing-examiner.mjs');
const run = (id: string, signal = new AbortController().signal, options: DatasetCheckOptions = {}) =>
  datasetCheck({ repositories: repos, datasets: store, config: { threads: 2 }, log }, options)(
    { datasetId: id, revision: 1 },
    signal,
  );

async function uploaded(path: string): Promise<string> {
  const id = newId('ds');
  await repos.datasets.create({ id, projectId: DEFAULT_PROJECT_ID, name: 'test', task: 'image-classification' });
  const { digest, bytes } = await store.put(`uploads/${id}`, createReadStream(path));
  await repos.datasets.startRevision(DEFAULT_PROJECT_ID, id, 'application/zip', `uploads/${id}`);
  await repos.datasets.uploaded(id, 1, { digest, bytes });
  return id;
}
async function checked(files: Record<string, Buffer | string>) {
  const path = join(folder, `${newId('req')}.zip`);
  await writeZip(path, files);
  const id = await uploaded(path);
  await run(id);
  return { id, revision: (await repos.datasets.revision(id, 1))! };
}

test('a good set is ready: pack, examples and report; the upload is gone; run twice changes nothing', async () => {
  const copy = await picture(1);
  const { id, revision } = await checked({
    'train/a/1.jpg': copy,
    'train/a/2.jpg': await picture(2),
    'train/b/3.jpg': await picture(3),
    'train/b/4.jpg': await picture(4),
    'val/a/5.jpg': copy,
    'val/b/broken.jpg': (await picture(6, { width: 200, height: 200 })).subarray(0, 900),
  });
  expect(revision).toMatchObject({ state: 'ready', error: null });
  expect(revision.summary).toMatchObject({
    examples: 5,
    rejected: 1,
    duplicates: 1,
    leaks: 1,
    splits: { train: 4, validation: 1, test: 0 },
  });
  expect(revision.report?.rejected).toEqual([
    { path: 'val/b/broken.jpg', code: 'image-truncated', detail: expect.stringMatching(/900 bytes/) },
  ]);
  expect(revision.report?.leaks).toEqual([
    { kind: 'exact', train: 'train/a/1.jpg', other: 'val/a/5.jpg', split: 'validation' },
  ]);
  expect(await store.stat(`uploads/${id}`)).toBeNull();
  const examples = await repos.datasets.examples(id, 1);
  const pack = await store.read(revision.packKey!);
  for (const example of examples) {
    if (example.path === 'val/a/5.jpg')
      expect(pack.subarray(example.offset, example.offset + example.bytes)).toEqual(copy);
  }
  await run(id);
  expect(await repos.datasets.revision(id, 1)).toEqual(revision);
});

test.each([
  ['one class', { 'a/1.jpg': 1, 'a/2.jpg': 2 }, /at least 2 labels/],
  ['a class with one picture', { 'a/1.jpg': 1, 'a/2.jpg': 2, 'b/3.jpg': 3 }, /'b' has one training example/],
  [
    'classes only in val',
    { 'val/a/1.jpg': 1, 'val/a/2.jpg': 2, 'val/b/3.jpg': 3, 'val/b/4.jpg': 4 },
    /no training example \(2 in validation/,
  ],
] as const)('%s is invalid, and it is said why', async (_, files, words) => {
  const pictures: Record<string, Buffer> = {};
  for (const [name, seed] of Object.entries(files)) pictures[name] = await picture(seed);
  const { revision } = await checked(pictures);
  expect(revision).toMatchObject({ state: 'invalid', packKey: null, error: { code: 'dataset-invalid' } });
  expect(revision.error?.detail).toMatch(words);
});

test('an archive that is none is invalid', async () => {
  const id = await uploaded(new URL(import.meta.url).pathname);
  await run(id);
  expect(await repos.datasets.get(DEFAULT_PROJECT_ID, id)).toMatchObject({
    state: 'invalid',
    error: { code: 'archive-invalid' },
  });
});

test('ended in the middle, nothing shows, and the next run finishes', async () => {
  const files: Record<string, Buffer> = {};
  for (let i = 0; i < 12; i++) files[`${i % 2}/${i}.jpg`] = await picture(i);
  const path = join(folder, 'abort.zip');
  await writeZip(path, files);
  const id = await uploaded(path);
  const controller = new AbortController();
  controller.abort(new Error('shutdown'));
  await expect(run(id, controller.signal)).rejects.toThrow();
  expect(await repos.datasets.revision(id, 1)).toMatchObject({ state: 'checking', packKey: null });
  await run(id);
  expect(await repos.datasets.revision(id, 1)).toMatchObject({ state: 'ready' });
});

const hymenoptera = sharedData('datasets', 'hymenoptera');
test.runIf(hymenoptera !== null)('ants and bees', async () => {
  const path = join(folder, 'hymenoptera.zip');
  await zipFolder(hymenoptera!, path);
  const id = await uploaded(path);
  await run(id);
  const dataset = await repos.datasets.get(DEFAULT_PROJECT_ID, id);
  expect(dataset).toMatchObject({
    state: 'ready',
    summary: {
      examples: 398,
      labels: [
        { name: 'ants', train: 124, validation: 70, test: 0 },
        { name: 'bees', train: 121, validation: 83, test: 0 },
      ],
      rejected: 0,
      duplicates: 0,
      leaks: 0,
    },
  });
});

const images = sharedData('images');
test.runIf(images !== null)('odd and corrupt pictures: the bad ones are reported, the others kept', async () => {
  const files: Record<string, Buffer> = {};
  for (const [i, name] of (await readdir(images!)).filter((n) => n !== 'manifest.csv').entries()) {
    files[`${i % 2 === 0 ? 'even' : 'odd'}/${name}`] = await readFile(join(images!, name));
  }
  const { revision } = await checked(files);
  expect(revision.state).toBe('ready');
  expect(revision.summary!.examples + revision.summary!.rejected).toBe(Object.keys(files).length);
  expect(revision.report!.rejected.map((item) => item.path.split('/')[1])).toEqual(
    expect.arrayContaining([
      'pillow__Tests__images__truncated_jpeg.jpg',
      'sharp__test__fixtures__giant-image.jpg',
      'pillow__Tests__images__zero_width.gif',
    ]),
  );
  for (const item of revision.report!.rejected) expect(item.code).toMatch(/^image-/);
});

test('a picture that crashes the decoder is reported, and the rest is ready', async () => {
  const path = join(folder, 'crash.zip');
  const names = ['a/1.jpg', 'a/2.jpg', 'a/3.jpg', 'b/4.jpg', 'b/5.jpg'];
  const files = await Promise.all(names.map(async (name, i) => [name, await picture(i)] as const));
  const crash = Buffer.concat([await picture(9), Buffer.from('CRASH')]);
  await writeZip(path, {
    ...Object.fromEntries(files.slice(0, 2)),
    'a/crash.jpg': crash,
    ...Object.fromEntries(files),
  });
  const id = await uploaded(path);
  await run(id, undefined, { examiner: { entry: CRASHING } });
  const revision = await repos.datasets.revision(id, 1);
  expect(revision).toMatchObject({ state: 'ready', summary: { examples: 5, rejected: 1 } });
  expect(revision!.report!.rejected).toEqual([
    { path: 'a/crash.jpg', code: 'image-undecodable', detail: expect.stringMatching(/SIGSEGV.*leave it out/) },
  ]);
});
