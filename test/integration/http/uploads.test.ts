import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../../clients/api/client.js';
import { type TestService, testService } from '../../support/http.js';
import { until } from '../../support/until.js';

const LIMIT = 3 * 1024 * 1024;
let service: TestService;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-uploads-'));
  service = await testService({ config: { maxUploadBytes: LIMIT } });
});
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true, force: true });
});
const api = () => supertest(service.url);
const ARCHIVE = Buffer.from('any bytes: what they are is found out by the check');
const sha = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const base64 = (bytes: Buffer) => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;

async function kept() {
  const keys: string[] = [];
  for (const store of [service.stores.datasets, service.stores.artifacts])
    for await (const blob of store.list('')) keys.push(blob.key);
  return keys.sort();
}
async function rows() {
  const { rows } = await service.db.pool.query(
    `SELECT (SELECT count(*)::int FROM dataset WHERE deleted_at IS NULL) AS datasets, (SELECT count(*)::int FROM dataset_revision) AS revisions,
       (SELECT count(*)::int FROM base WHERE deleted_at IS NULL) AS bases, (SELECT count(*)::int FROM blob_chunk) AS chunks`,
  );
  return rows[0];
}
const state = async () => ({ keys: await kept(), rows: await rows(), delivered: service.delivered.length });

describe('datasets', () => {
  it('streams a form to storage, whatever the order of its parts', async () => {
    for (const order of ['before', 'after']) {
      const request = api().post('/v1/datasets');
      if (order === 'after') request.attach('file', ARCHIVE, 'photos.zip');
      request.field('name', 'ants').field('task', 'image-classification');
      if (order === 'before') request.attach('file', ARCHIVE, 'photos.zip');
      const { status, body, headers } = await request;
      expect(status).toBe(201);
      expect(body).toMatchObject({
        ...{
          object: 'dataset',
          name: 'ants',
          task: 'image-classification',
          state: 'checking',
          columns: null,
          summary: null,
          error: null,
        },
        revision: { number: 1, digest: sha(ARCHIVE), bytes: ARCHIVE.length },
      });
      expect(headers.location).toBe(`/v1/datasets/${body.id}`);
      expect(service.delivered.at(-1)).toEqual({ name: 'dataset.check', payload: { datasetId: body.id, revision: 1 } });
      const revision = await service.repos.datasets.revision(body.id, 1);
      expect(Buffer.from(await service.stores.datasets.read(revision?.uploadKey ?? ''))).toEqual(ARCHIVE);
      expect((await api().get(`/v1/datasets/${body.id}`)).body).toEqual(body);
      expect((await api().get(`/v1/datasets/${body.id}/report`)).body.code).toBe('dataset-not-ready');
    }
  });

  it('takes small text sets as JSON and keeps them as JSON lines', async () => {
    const examples = [
      { text: 'good', label: 'pos' },
      { text: 'bad', label: 'neg', split: 'test' },
    ];
    const { status, body } = await api()
      .post('/v1/datasets')
      .send({ name: 'films', task: 'text-classification', examples });
    expect([status, body.state]).toEqual([201, 'checking']);
    const revision = await service.repos.datasets.revision(body.id, 1);
    const text = Buffer.from(await service.stores.datasets.read(revision?.uploadKey ?? '')).toString();
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(examples);
  });

  it('keeps the columns of a table that are named, from one revision to the next', async () => {
    const table = join(folder, 'reviews.csv');
    await writeFile(table, 'words,kind,part\ngood,a,train\nbad,b,test\n');
    const client = createClient({ url: service.url });
    const columns = { textColumn: 'words', labelColumn: '2' };
    const made = await client.datasets.add(table, 'reviews', 'text-classification', { columns });
    expect(made.columns).toEqual({ text: 'words', label: '2', split: null });
    const put = (query: Record<string, string>) =>
      api()
        .put(`/v1/datasets/${made.id}/content`)
        .query(query)
        .set('content-type', 'text/csv')
        .send(ARCHIVE.toString());
    expect((await put({})).body).toMatchObject({ revision: { number: 2 }, columns: made.columns });
    const other = await put({ labelColumn: 'kind', splitColumn: 'part of\tit' });
    const named = { text: null, label: 'kind', split: 'part of\tit' };
    expect([other.status, other.body.columns]).toEqual([202, named]);
    expect((await api().get(`/v1/datasets/${made.id}`)).body.columns).toEqual(named);
    expect((await service.repos.datasets.revision(made.id, 1))?.columns).toEqual({ text: 'words', label: '2' });
    const before = await state();
    for (const [query, path] of [
      [{ labelColumn: ' ' }, '/labelColumn'],
      [{ textColumn: 'a\0b' }, '/textColumn'],
      [{ splitColumn: 'x'.repeat(201) }, '/splitColumn'],
      [{ colour: 'red' }, '/colour'],
    ] as const) {
      const { status, body } = await put(query);
      expect([path, status, body.code, body.errors[0].path]).toEqual([path, 400, 'request-invalid', path]);
    }
    expect(await state()).toEqual(before);
  });

  it('refuses columns for a task whose datasets have none, and leaves nothing of the upload', async () => {
    const made = await api()
      .post('/v1/datasets')
      .field('name', 'x')
      .field('task', 'image-classification')
      .attach('file', ARCHIVE, 'a.zip');
    const before = await state();
    const post = await api()
      .post('/v1/datasets')
      .attach('file', ARCHIVE, 'a.zip')
      .field('labelColumn', 'kind')
      .field('name', 'x')
      .field('task', 'image-classification');
    const put = await api()
      .put(`/v1/datasets/${made.body.id}/content`)
      .query({ labelColumn: 'kind' })
      .set('content-type', 'application/zip')
      .send(ARCHIVE);
    for (const { status, body } of [post, put]) {
      expect([status, body.code, body.errors[0].path]).toEqual([400, 'request-invalid', '/labelColumn']);
      expect(body.detail).toContain('The task is image-classification, which takes no labelColumn');
    }
    expect(await state()).toEqual(before);
  });

  it('takes a raw body as the next revision, checks its digest, and deletes all of it', async () => {
    const { body } = await api()
      .post('/v1/datasets')
      .field('name', 'x')
      .field('task', 'image-classification')
      .attach('file', ARCHIVE, 'a.zip');
    const put = (bytes: Buffer, headers: Record<string, string>) =>
      api().put(`/v1/datasets/${body.id}/content`).set('content-type', 'application/zip').set(headers).send(bytes);
    const other = Buffer.from('other bytes');
    const before = await state();
    for (const name of ['repr-digest', 'content-digest']) {
      const wrong = await put(other, { [name]: base64(ARCHIVE) });
      expect([wrong.status, wrong.body.code]).toEqual([422, 'digest-mismatch']);
    }
    expect((await put(other, { 'repr-digest': 'md5=:abc:' })).body.code).toBe('request-invalid');
    expect((await put(Buffer.alloc(0), {})).status).toBe(400);
    expect(
      (await api().put('/v1/datasets/ds_x/content').set('content-type', 'application/zip').send(other)).status,
    ).toBe(404);
    expect(await state()).toEqual(before);
    const good = await put(other, { 'repr-digest': base64(other) });
    expect([good.status, good.body.state, good.body.revision]).toEqual([
      202,
      'checking',
      { number: 2, digest: sha(other), bytes: other.length },
    ]);
    await api().delete(`/v1/datasets/${body.id}`).expect(204);
    await api().get(`/v1/datasets/${body.id}`).expect(404);
    expect((await kept()).filter((key) => key.includes(body.id))).toEqual([]);
  });

  it('leaves nothing of a form that does not fit', async () => {
    const before = await state();
    const cases = [
      [api().post('/v1/datasets').field('task', 'image-classification').attach('file', ARCHIVE, 'a.zip'), '/name'],
      [
        api().post('/v1/datasets').attach('file', ARCHIVE, 'a.zip').field('name', 'x').field('task', 'knitting'),
        '/task',
      ],
      [api().post('/v1/datasets').field('name', 'x').field('task', 'image-classification'), '/file'],
      [
        api().post('/v1/datasets').field('name', 'x').field('colour', 'red').attach('file', ARCHIVE, 'a.zip'),
        '/colour',
      ],
      [api().post('/v1/datasets').field('name', 'x').attach('photos', ARCHIVE, 'a.zip'), '/photos'],
      [
        api().post('/v1/datasets').field('name', 'x').field('textColumn', ' ').attach('file', ARCHIVE, 'a'),
        '/textColumn',
      ],
      [api().post('/v1/datasets').field('labelColumn', 'a\0b').attach('file', ARCHIVE, 'a'), '/labelColumn'],
      [
        api()
          .post('/v1/datasets')
          .field('name', 'x')
          .field('task', 'image-classification')
          .attach('file', ARCHIVE, 'a')
          .attach('file', ARCHIVE, 'b'),
        '/file',
      ],
    ] as const;
    for (const [request, path] of cases) {
      const { status, body } = await request;
      expect([path, status, body.code, body.errors[0].path]).toEqual([path, 400, 'request-invalid', path]);
    }
    expect(await state()).toEqual(before);
  });

  it('says the limit of an upload that is too large, announced or not, and leaves nothing of it', async () => {
    const before = await state();
    const large = Buffer.alloc(LIMIT + 200_000);
    const form = await api()
      .post('/v1/datasets')
      .field('name', 'x')
      .field('task', 'image-classification')
      .attach('file', large, 'a.zip');
    expect([form.status, form.body.code]).toEqual([413, 'too-large']);
    expect(form.body.detail).toContain(String(LIMIT));
    const chunked = await fetch(`${service.url}/v1/datasets`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: new Blob([
        '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n',
        large,
        '\r\n--b--\r\n',
      ]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(413);
    expect(((await chunked.json()) as { detail: string }).detail).toContain(String(LIMIT));
    expect(await state()).toEqual(before);
  });

  it('leaves nothing of an upload that was cut off in the middle', async () => {
    const before = await state();
    const { port } = new URL(service.url);
    const head = (length: number, type: string, line: string) =>
      `${line} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`;
    const part = '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n';
    const { body } = await api()
      .post('/v1/datasets')
      .field('name', 'x')
      .field('task', 'image-classification')
      .attach('file', ARCHIVE, 'a.zip');
    const after = await state();
    for (const start of [
      head(2_000_000, 'multipart/form-data; boundary=b', 'POST /v1/datasets') + part,
      head(2_000_000, 'multipart/form-data; boundary=b', 'POST /v1/bases') + part,
      head(2_000_000, 'application/zip', `PUT /v1/datasets/${body.id}/content`),
    ]) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(start);
      socket.write(Buffer.alloc(500_000, 'x'));
      await new Promise((resolve) => setTimeout(resolve, 150));
      socket.destroy();
    }
    // The server notices the end of a connection in its own time.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await until(async () => expect(await state()).toEqual(after));
    expect(after.keys.length).toBe(before.keys.length + 1);
    expect((await api().get(`/v1/datasets/${body.id}`)).body.state).toBe('checking');
  });

  it('refuses a form that ends before its last boundary', async () => {
    const before = await state();
    const { status, body } = await api()
      .post('/v1/datasets')
      .set('content-type', 'multipart/form-data; boundary=b')
      .send(Buffer.from('--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nhalf of it'));
    expect([status, body.code]).toEqual([400, 'upload-incomplete']);
    expect(await state()).toEqual(before);
  });
});

describe('bases', () => {
  it('takes a file under a name of its own', async () => {
    const { status, body, headers } = await api()
      .post('/v1/bases')
      .field('name', 'net')
      .attach('file', ARCHIVE, 'net.onnx');
    expect([status, body.state, headers.location]).toEqual([201, 'checking', `/v1/bases/${body.id}`]);
    expect(body).toMatchObject({
      object: 'base',
      name: 'net',
      digest: sha(ARCHIVE),
      bytes: ARCHIVE.length,
      cuts: [],
      tasks: [],
      error: null,
    });
    for (const reference of [body.id, 'net', body.digest]) {
      expect((await api().get(`/v1/bases/${reference}`)).body.id).toBe(body.id);
    }
    const before = await state();
    const again = await api().post('/v1/bases').attach('file', ARCHIVE, 'net.onnx').field('name', 'net');
    expect([again.status, again.body.code]).toEqual([409, 'name-taken']);
    const wrong = await api().post('/v1/bases').field('name', 'a/b').attach('file', ARCHIVE, 'net.onnx');
    expect([wrong.status, wrong.body.errors[0].path]).toEqual([400, '/name']);
    expect(await state()).toEqual(before);
    await api().delete('/v1/bases/net').expect(204);
    await api().get('/v1/bases/net').expect(404);
  });

  it('from a hub is there at once and left to a worker; wrong names are refused by field', async () => {
    const hub = (body: object, key?: string) =>
      api()
        .post('/v1/bases')
        .set(key === undefined ? {} : { 'idempotency-key': key })
        .send(body);
    const wanted = { hub: 'org/my-net', revision: 'v1.0' };
    const { status, body, headers } = await hub(wanted, 'hub-1');
    expect([status, headers.location]).toEqual([201, `/v1/bases/${body.id}`]);
    expect(body).toMatchObject({ name: 'my-net', state: 'receiving', digest: null, progress: null });
    expect(body.source).toEqual({ hub: 'org/my-net', revision: 'v1.0', commit: null });
    expect(service.delivered.at(-1)).toEqual({ name: 'base.download', payload: { baseId: body.id } });
    expect((await hub(wanted, 'hub-1')).body.id).toBe(body.id);
    expect((await hub({ ...wanted, revision: 'v2' }, 'hub-1')).body.code).toBe('idempotency-conflict');
    expect((await hub(wanted)).body.code).toBe('name-taken');
    const cases = [
      [{ hub: 'my-net' }, '/hub'],
      [{ hub: 'org/../x' }, '/hub'],
      [{ hub: 'org/net', revision: '../x' }, '/revision'],
      [{ hub: 'org/net', name: 'a/b' }, '/name'],
      [{ hub: 'org/net', model: 'mdl_x' }, ''],
      [{ model: 'mdl_x', revision: 'main' }, '/revision'],
      [{ url: 'x' }, '/url'],
    ] as const;
    for (const [request, path] of cases) {
      const answer = await hub(request);
      expect([path, answer.status, answer.body.errors[0].path]).toEqual([path, 400, path]);
    }
    await api().delete('/v1/bases/my-net').expect(204);
    await api().get(`/v1/bases/${body.id}`).expect(404);
  });
});

describe('Idempotency-Key', () => {
  const form = (key: string, name: string) =>
    api()
      .post('/v1/datasets')
      .set('idempotency-key', key)
      .field('name', name)
      .field('task', 'image-classification')
      .attach('file', ARCHIVE, 'a.zip');

  it('replays the first answer to a streamed form and creates nothing', async () => {
    const first = await form('k1', 'one');
    const before = await state();
    const again = await form('k1', 'one');
    expect([again.status, again.body, again.headers['idempotency-replayed']]).toEqual([201, first.body, 'true']);
    expect(again.headers.location).toBe(first.headers.location);
    const other = await form('k1', 'two');
    expect([other.status, other.body.code]).toEqual([409, 'idempotency-conflict']);
    expect(await state()).toEqual(before);
  });

  it('creates once when asked many times at once', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => form('k2', 'many')));
    const made = answers.filter(({ status }) => status === 201);
    expect(new Set(made.map(({ body }) => body.id)).size).toBe(1);
    for (const { status, body } of answers)
      if (status !== 201) expect([status, body.code]).toEqual([409, 'idempotency-in-progress']);
    const { rows: found } = await service.db.pool.query("SELECT count(*)::int AS n FROM dataset WHERE name = 'many'");
    expect(found[0].n).toBe(1);
  });

  it('is free again after a failure, and keeps no secret', async () => {
    const post = (path: string, body: object) => api().post(path).set('idempotency-key', 'k3').send(body);
    const job = { task: 'image-classification', dataset: 'ds_none', base: 'none' };
    expect((await post('/v1/jobs', job)).status).toBe(422);
    const made = await post('/v1/keys', { name: 'k', scopes: ['read'] });
    expect(made.status).toBe(201);
    const again = await post('/v1/keys', { name: 'k', scopes: ['read'] });
    expect([again.body.id, again.body.secret]).toEqual([made.body.id, null]);
    const { rows: stored } = await service.db.pool.query('SELECT * FROM idempotency_key');
    expect(JSON.stringify(stored)).not.toContain(made.body.secret);
  });
});
