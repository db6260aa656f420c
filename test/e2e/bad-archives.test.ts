import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encrypted, renamed, tarOf, withSymlink, zipBomb, zipOf } from '../support/bad-archives.js';
import { picture } from '../support/pictures.js';
import { expectProblem, httpOf } from './support/http.js';
import { type Service, startService } from './support/service.js';

const MB = 1024 * 1024;
let service: Service;
let http: ReturnType<typeof httpOf>;
beforeAll(async () => {
  service = await startService();
  http = httpOf(service);
});
afterAll(() => service.stop());

const NAMES = ['a/one.jpg', 'a/two.jpg', 'b/one.jpg', 'b/two.jpg'];
async function photos(): Promise<Record<string, Buffer>> {
  return Object.fromEntries(await Promise.all(NAMES.map(async (name, i) => [name, await picture(i)] as const)));
}
const good = async () => zipOf(await photos());
/** Of the worker, in MB, the most there ever was. */
function peakOfWorker(): number {
  const status = readFileSync(`/proc/${service.pidOf('worker')}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

test.each([
  ['a name that climbs', async () => renamed(await good(), 'a/one.jpg', '../ne.jpg'), 'name-climbs', '../ne.jpg'],
  ['an absolute name', async () => renamed(await good(), 'a/one.jpg', '/etc1.jpg'), 'name-absolute', '/etc1.jpg'],
  ['a symbolic link', async () => withSymlink(await good()), 'entry-not-a-file', 'a/one.jpg'],
  ['a name twice', async () => renamed(await good(), 'a/two.jpg', 'a/one.jpg'), 'name-duplicate', 'a/one.jpg'],
  ['an encrypted file', async () => encrypted(await zipOf(await photos(), true)), 'entry-encrypted', 'a/one.jpg'],
  [
    'a tar with a name that climbs',
    () => tarOf((tar) => void tar.entry({ name: 'a/../../one.jpg' }, 'x')),
    'name-climbs',
    'a/../../one.jpg',
  ],
  [
    'a tar with an absolute name',
    () => tarOf((tar) => void tar.entry({ name: '/etc/one.jpg' }, 'x')),
    'name-absolute',
    '/etc/one.jpg',
  ],
  [
    'a tar with a symbolic link',
    () => tarOf((tar) => void tar.entry({ name: 'a/one.jpg', type: 'symlink', linkname: '/etc/passwd' })),
    'entry-not-a-file',
    'a/one.jpg',
  ],
] as const)('%s: the archive is refused whole, with the name and the reason', async (_, make, code, path) => {
  const dataset = await http.dataset(await make(), 'bad');
  expect(dataset).toMatchObject({
    state: 'invalid',
    summary: null,
    error: { type: 'urn:graft:error:archive-invalid', code: 'archive-invalid', errors: [{ path, code }] },
  });
  expect(dataset.error.detail).toContain(path);
  expect((await http.get(`/v1/datasets/${dataset.id}/examples`)).body.data).toEqual([]);
  const job = { task: 'image-classification', dataset: dataset.id, base: 'any' };
  expectProblem(await http.post('/v1/jobs', job), 422, 'dataset-invalid');
});

test('ten gigabytes in ten megabytes are refused by what they claim, and one that lies as soon as it shows', async () => {
  for (const [bomb, words] of [
    [zipBomb(40, 250 * MB), /bomb/],
    [zipBomb(40, 250 * MB, 1000), /./],
  ] as const) {
    expect(bomb.length).toBeLessThan(12 * MB);
    const start = performance.now();
    const dataset = await http.dataset(bomb, 'bomb');
    expect(dataset).toMatchObject({ state: 'invalid', error: { code: 'archive-invalid' } });
    expect(dataset.error.detail).toMatch(words);
    expect(performance.now() - start).toBeLessThan(10_000);
  }
  expect(peakOfWorker()).toBeLessThan(700);
});

test('nothing of them is kept, and the service goes on', async () => {
  const kept = (folder: string) => {
    const path = join(service.home, 'datasets', folder);
    return existsSync(path)
      ? readdirSync(path, { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
      : [];
  };
  expect([...kept('data'), ...kept('part')].map(({ name }) => name)).toEqual([]);
  expect((await http.get('/readyz')).status).toBe(200);
  expect((await http.dataset(await good(), 'good')).state).toBe('ready');
});
