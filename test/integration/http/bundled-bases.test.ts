import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exclusively } from '../../../src/db/exclusively.js';
import { storedProblem } from '../../../src/errors.js';
import { newId } from '../../../src/ids.js';
import { addBundledBases, BUNDLED_TASK, bundledBases } from '../../../src/services/bundled-bases.js';
import { digestOfFile } from '../../../src/storage/filesystem.js';
import { listArchive } from '../../../workers/data/archive.js';
import { type TestService, testService } from '../../support/http.js';
import { FACTS } from '../../support/records.js';

let service: TestService;
let folder: string;
let projectId: string;
beforeEach(async () => {
  service = await testService();
  projectId = service.deps.projectId;
  folder = await mkdtemp(join(tmpdir(), 'graft-bundled-'));
});
afterEach(async () => {
  await service.close();
  await rm(folder, { recursive: true, force: true });
});

const deps = () => ({ repositories: service.repos, stores: service.stores, enqueue: service.deps.enqueue });
async function add(content: string, name = 'tiny') {
  const path = join(folder, content);
  await writeFile(path, content);
  return addBundledBases(deps(), projectId, [{ name, path }]);
}
async function checked(name: string, state: 'ready' | 'invalid' = 'ready') {
  const base = (await service.repos.bases.find(projectId, name))!;
  const { digest, bytes } = base;
  await service.repos.bases.checked(
    base.id,
    state === 'ready'
      ? { state, digest: digest!, bytes, blobKey: `bases/${digest}`, facts: FACTS }
      : { state, error: storedProblem('base-invalid', 'no') },
  );
  return base;
}

test('a base for pictures and one for texts lie in the installation, and what each is for is known before its check', () => {
  const names = bundledBases().map((base) => base.name);
  expect(names.sort()).toEqual(['photo-small', 'text-small']);
  expect(names.map((name) => BUNDLED_TASK[name])).toEqual(['image-classification', 'text-classification']);
});

test('one with a tokenizer is given to the checker as the folder of a hub, without its recipe', async () => {
  const inside = ['tiny.onnx', 'tokenizer.json', '1_Pooling/config.json'];
  await mkdir(join(folder, '1_Pooling'));
  for (const name of [...inside, 'train.py', 'README.md']) await writeFile(join(folder, name), `{"is": "${name}"}`);
  const bundled = [{ name: 'tiny', path: join(folder, 'tiny.onnx') }];
  expect(await addBundledBases(deps(), projectId, bundled)).toEqual(['tiny']);
  const base = (await service.repos.bases.find(projectId, 'tiny'))!;
  const zip = join(folder, 'upload.zip');
  await writeFile(zip, await service.stores.artifacts.read(base.uploadKey!));
  expect((await listArchive(zip)).entries.map(({ path }) => path).sort()).toEqual(inside.sort());
  // Its digest is the archive's until it is checked, and the model's from then on.
  expect(await addBundledBases(deps(), projectId, bundled)).toEqual([]);
  const digest = await digestOfFile(join(folder, 'tiny.onnx'));
  const blobKey = `bases/${digest}`;
  await service.repos.bases.checked(base.id, { state: 'ready', digest, bytes: 1, blobKey, facts: FACTS });
  expect(await addBundledBases(deps(), projectId, bundled)).toEqual([]);
});

test('added once, given to the checker, and left alone at the next start', async () => {
  expect(await add('first')).toEqual(['tiny']);
  const base = (await service.repos.bases.find(projectId, 'tiny'))!;
  expect(base).toMatchObject({ state: 'checking', bytes: 5, bundled: true });
  expect(service.delivered).toEqual([{ name: 'base.check', payload: { baseId: base.id } }]);
  expect(await add('first')).toEqual([]);
  expect(await service.repos.bases.bundled(projectId)).toHaveLength(1);
  const uploads: string[] = [];
  for await (const { key } of service.stores.artifacts.list('uploads/')) uploads.push(key);
  expect(uploads).toEqual([base.uploadKey]);
});

test('one that was deleted stays deleted; a newer version takes the name and leaves the older one to its models', async () => {
  await add('first');
  const first = await checked('tiny');
  expect(await add('second')).toEqual(['tiny']);
  const second = await checked('tiny');
  expect(second.id).not.toBe(first.id);
  expect(await service.repos.bases.byId(first.id)).toMatchObject({ name: `tiny@${first.digest!.slice(7, 19)}` });
  await service.repos.bases.delete(projectId, second.id);
  expect(await add('second')).toEqual([]);
});

test('what a crash or a failed check left is replaced; a name that somebody else has stays theirs', async () => {
  await service.repos.bases.create({
    id: newId('base'),
    projectId,
    name: 'tiny',
    uploadKey: 'uploads/x',
    bundled: true,
  });
  expect(await add('first')).toEqual(['tiny']);
  await checked('tiny', 'invalid');
  expect(await add('first')).toEqual(['tiny']);
  await service.repos.bases.create({ id: newId('base'), projectId, name: 'theirs', uploadKey: 'uploads/y' });
  expect(await add('other', 'theirs')).toEqual([]);
  expect(await service.repos.bases.find(projectId, 'theirs')).toMatchObject({ bundled: false });
});

test('processes that start at once add it once', async () => {
  await writeFile(join(folder, 'x'), 'x');
  const bundled = [{ name: 'tiny', path: join(folder, 'x') }];
  const added = await Promise.all(
    [1, 2, 3].map(() => exclusively(service.db.pool, 7, () => addBundledBases(deps(), projectId, bundled))),
  );
  expect(added.flat()).toEqual(['tiny']);
});
