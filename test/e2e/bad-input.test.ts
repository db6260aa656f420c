import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sharedData } from '../support/data.js';
import { baseNamed } from '../support/odd-bases.js';
import { picture } from '../support/pictures.js';
import { writeZip } from '../support/zip.js';
import { type Answer, expectProblem, httpOf } from './support/http.js';
import { type Service, startService } from './support/service.js';

const models = sharedData('models');
const broken = sharedData('broken-models');

let service: Service;
let http: ReturnType<typeof httpOf>;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-bad-'));
  service = await startService({ env: { GRAFT_MAX_UPLOAD_MB: '32' } });
  http = httpOf(service);
});
afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true, force: true });
});

async function zip(files: Record<string, Buffer | string>): Promise<Buffer> {
  const path = join(folder, 'upload.zip');
  await writeZip(path, files);
  return readFile(path);
}
async function pictures(names: readonly string[]): Promise<Record<string, Buffer>> {
  return Object.fromEntries(await Promise.all(names.map(async (name, i) => [name, await picture(i)] as const)));
}
const GOOD = ['a/1.jpg', 'a/2.jpg', 'a/3.jpg', 'b/4.jpg', 'b/5.jpg', 'b/6.jpg'];
const count = async (path: string) => (await http.get(`${path}?limit=100`)).body.data.length as number;

describe('bases', () => {
  test.runIf(broken !== null).each(broken === null ? [''] : readdirSync(broken))(
    '%s is refused with a reason',
    async (name) => {
      const base = await http.base(readFileSync(join(broken!, name)), `broken ${name}`);
      expect(base).toMatchObject({
        state: 'invalid',
        digest: expect.stringMatching(/^sha256:/),
        error: { code: 'base-invalid', detail: expect.any(String) },
      });
      expect(base.error.status).toBeUndefined();
    },
  );

  test.each([
    ['tensor', { tensor: 'a\0b', domain: '' }, "The name of the tensor 'a\uFFFDb' holds a NUL"],
    ['domain', { tensor: 'ab', domain: 'a\0b' }, "domain 'a\uFFFDb' is not standard ONNX"],
  ])('a NUL in the name of a %s is told, and replaced in what is told', async (what, names, words) => {
    const base = await http.base(Buffer.from(baseNamed(names)), `NUL in ${what}`);
    expect(base).toMatchObject({ state: 'invalid', error: { code: 'base-invalid' } });
    expect(base.error.detail).toContain(words);
  });

  test('a name that is taken', async () => {
    const first = await http.call('POST', '/v1/bases', {
      body: http.form({ name: 'twice' }, Buffer.from('x'), 'x.onnx'),
    });
    expect(first.status).toBe(201);
    expectProblem(
      await http.call('POST', '/v1/bases', { body: http.form({ name: 'twice' }, Buffer.from('y'), 'y.onnx') }),
      409,
      'name-taken',
    );
  });

  test('an upload above the limit says the limit, and nothing is kept', async () => {
    const before = await count('/v1/bases');
    const reply = await http.call('POST', '/v1/bases', {
      body: http.form({ name: 'large' }, Buffer.alloc(33 * 1024 * 1024), 'large.onnx'),
    });
    expectProblem(reply, 413, 'too-large');
    expect(reply.body.detail).toMatch(/33554432|32 MiB|32 MB/);
    expect(await count('/v1/bases')).toBe(before);
  });
});

describe('datasets', () => {
  test.each([
    ['a text called .zip', async () => Buffer.from('hello, I am text'), 'archive-invalid', /hello/],
    ['an empty archive', async () => zip({}), 'dataset-invalid', /empty/],
    ['one class', async () => zip(await pictures(['a/1.jpg', 'a/2.jpg'])), 'dataset-invalid', /2 labels/],
    [
      'a class with one picture',
      async () => zip(await pictures(['a/1.jpg', 'a/2.jpg', 'b/3.jpg'])),
      'dataset-invalid',
      /'b' has one/,
    ],
    [
      'classes only in val',
      async () => zip(await pictures(['val/a/1.jpg', 'val/a/2.jpg', 'val/b/3.jpg', 'val/b/4.jpg'])),
      'dataset-invalid',
      /no training example/,
    ],
    [
      'a zip that was cut off',
      async () => (await zip(await pictures(GOOD))).subarray(0, 4000),
      'archive-invalid',
      /cut off/,
    ],
  ] as const)('%s', async (_, make, code, words) => {
    const dataset = await http.dataset(await make(), 'bad');
    expect(dataset).toMatchObject({ state: 'invalid', error: { code } });
    expect(dataset.error.detail).toMatch(words);
    const job = await http.post('/v1/jobs', { task: 'image-classification', dataset: dataset.id, base: 'any' });
    expectProblem(job, 422, 'dataset-invalid');
    expect(job.body.detail).toBe(dataset.error.detail);
  });

  test('a NUL in a label of labels.csv rejects its picture', async () => {
    const table = ['file,label', ...GOOD.map((name) => `${name},${name[0]}`)]
      .join('\n')
      .replace('1.jpg,a', '1.jpg,a\0');
    const dataset = await http.dataset(await zip({ ...(await pictures(GOOD)), 'labels.csv': table }), 'NUL in a label');
    expect(dataset).toMatchObject({ state: 'ready', summary: { examples: 5, rejected: 1 } });
    const { body } = await http.get(`/v1/datasets/${dataset.id}/report`);
    expect(body.rejected).toEqual([
      { path: 'a/1.jpg', code: 'label-malformed', detail: expect.stringContaining("'a\uFFFD' holds a NUL") },
    ]);
  });

  test('the same picture in train and val is a leak', async () => {
    const copy = await picture(1);
    const files = {
      'train/a/1.jpg': copy,
      'train/a/2.jpg': await picture(2),
      'train/b/3.jpg': await picture(3),
      'train/b/4.jpg': await picture(4),
      'val/a/5.jpg': copy,
    };
    const dataset = await http.dataset(await zip(files), 'leak');
    expect(dataset).toMatchObject({ state: 'ready', summary: { leaks: 1, duplicates: 1 } });
    const report = await http.get(`/v1/datasets/${dataset.id}/report`);
    expect(report.body.leaks).toEqual([
      { kind: 'exact', train: 'train/a/1.jpg', other: 'val/a/5.jpg', split: 'validation' },
    ]);
  });

  test('a wrong digest leaves the revision that was there', async () => {
    const good = await zip(await pictures(GOOD));
    const dataset = await http.dataset(good, 'digest');
    const put = (digest: string, body: Buffer) =>
      http.call('PUT', `/v1/datasets/${dataset.id}/content`, {
        body: new Uint8Array(body),
        headers: { 'content-type': 'application/zip', 'repr-digest': `sha-256=:${digest}:` },
      });
    const wrong = createHash('sha256').update('other').digest('base64');
    expectProblem(await put(wrong, good), 422, 'digest-mismatch');
    expect((await http.get(`/v1/datasets/${dataset.id}`)).body).toEqual(dataset);
    const more = await zip(await pictures([...GOOD, 'a/7.jpg']));
    const replaced = await put(createHash('sha256').update(more).digest('base64'), more);
    expect(replaced.status).toBe(202);
    expect(replaced.body.revision.number).toBe(2);
    expect(await http.until(`/v1/datasets/${dataset.id}`, (body) => body.state === 'ready')).toMatchObject({
      summary: { examples: 7 },
    });
  });

  test('an upload that is cut off in the middle leaves nothing', async () => {
    const before = await count('/v1/datasets');
    const { hostname, port } = new URL(service.url);
    await new Promise<void>((done) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          'POST /v1/datasets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n',
        );
        socket.write(
          '--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="x.zip"\r\n\r\nPK',
        );
        setTimeout(() => socket.destroy(), 300);
      });
      socket.on('error', () => {}).on('close', () => done());
    });
    await new Promise((done) => setTimeout(done, 500));
    expect(await count('/v1/datasets')).toBe(before);
    expect(readdirSync(join(service.home, 'datasets/part'))).toEqual([]);
  });

  test('a media type that is not taken says which are', async () => {
    const reply = await http.call('POST', '/v1/datasets', { body: 'x', headers: { 'content-type': 'text/plain' } });
    expectProblem(reply, 415, 'media-type-unsupported');
    expect(reply.body.detail).toMatch(/multipart\/form-data/);
  });
});

describe('requests', () => {
  test.each([
    ['malformed JSON', '{"task":', undefined],
    ['an unknown field', { task: 'image-classification', dataset: 'ds_x', colour: 'red' }, '/colour'],
    ['a wrong type', { task: 'image-classification', dataset: 7 }, '/dataset'],
    [
      'negative epochs',
      { task: 'image-classification', dataset: 'ds_x', hyperparameters: { epochs: -1 } },
      '/hyperparameters/epochs',
    ],
    [
      'numbers as texts',
      { task: 'image-classification', dataset: 'ds_x', hyperparameters: { epochs: '3' } },
      '/hyperparameters/epochs',
    ],
    ['an unknown task', { task: 'telepathy', dataset: 'ds_x' }, '/task'],
    ['a missing field', { task: 'image-classification' }, '/dataset'],
  ] as const)('%s is 400 and says where', async (_, body, path) => {
    const sent = typeof body === 'string' ? { body, headers: { 'content-type': 'application/json' } } : { json: body };
    const reply = await http.call('POST', '/v1/jobs', sent);
    expectProblem(reply, 400);
    if (path !== undefined) expect(reply.body.errors.map((item: Answer) => item.path)).toContain(path);
  });

  test('what is not there, and methods that are not taken', async () => {
    for (const path of [
      '/v1/jobs/job_00000000000000000000000000',
      '/v1/datasets/nothing',
      '/v1/bases/nothing',
      '/v1/models/nothing',
      '/v1/nothing',
      '/nothing',
    ]) {
      expectProblem(await http.get(path), 404);
    }
    expectProblem(await http.call('PATCH', '/v1/jobs'), 405);
    expectProblem(await http.get('/v1/jobs?after=nonsense'), 400);
    expectProblem(await http.get('/v1/jobs?limit=101'), 400);
  });

  test.runIf(models !== null)('a base that does not fit the task', async () => {
    const base = await http.base(readFileSync(join(models!, 'magika_standard_v3_3.onnx')), 'bytes');
    expect(base.state).toBe('ready');
    const dataset = await http.dataset(await zip(await pictures(GOOD)), 'fit');
    expectProblem(
      await http.post('/v1/jobs', { task: 'image-classification', dataset: dataset.id, base: 'bytes' }),
      422,
      'base-unfit',
    );
    expectProblem(
      await http.post('/v1/jobs', { task: 'image-classification', dataset: dataset.id, base: 'no such base' }),
      422,
    );
  });
});
