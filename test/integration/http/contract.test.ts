import { connect } from 'node:net';
import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestService, testService } from '../../support/http.js';
import { until } from '../../support/until.js';

let service: TestService;
beforeAll(async () => {
  service = await testService();
});
afterAll(() => service.close());
const api = () => supertest(service.url);
const PROBLEM = 'application/problem+json; charset=utf-8';

describe('what is not understood', () => {
  it.each([
    ['{"task": ', 400, 'request-malformed'],
    ['', 400, 'request-malformed'],
    ['[]', 400, 'request-invalid'],
    ['null', 400, 'request-invalid'],
    ['{"__proto__": {}}', 400, 'request-malformed'],
  ])('refuses the body %j', async (body, status, code) => {
    const answer = await api().post('/v1/jobs').set('content-type', 'application/json').send(body);
    expect([answer.status, answer.body.code, answer.headers['content-type']]).toEqual([status, code, PROBLEM]);
    expect(answer.body.instance).toBe('/v1/jobs');
    expect(answer.body.requestId).toMatch(/^req_[0-9a-z]{26}$/);
    expect(answer.headers['x-request-id']).toBe(answer.body.requestId);
  });

  it('names every unknown field and wrong type by its JSON pointer, in words', async () => {
    const { status, body } = await api()
      .post('/v1/jobs')
      .send({ task: 'image-classification', dataset: 7, hyperparameters: { epochs: -1, 'le/arn~': 1 }, colour: 'red' });
    expect(status).toBe(400);
    expect(body.code).toBe('request-invalid');
    const at = Object.fromEntries(body.errors.map((e: { path: string }) => [e.path, e]));
    expect(Object.keys(at).sort()).toEqual([
      '/colour',
      '/dataset',
      '/hyperparameters/epochs',
      '/hyperparameters/le~1arn~0',
    ]);
    expect(at['/colour'].code).toBe('field-unknown');
    expect(at['/hyperparameters/epochs'].detail).toBe('must be "auto" or a whole number from 1 to 10000, not -1');
    expect(at['/dataset']).toMatchObject({ code: 'type-wrong' });
  });

  it.each([
    { learningRate: 0 },
    { learningRate: 1001 },
    { batchSize: 65_537 },
    { weightDecay: -1 },
    { labelSmoothing: 1 },
    { seed: -1 },
    { epochs: '3' },
  ])('refuses hyperparameters %j', async (hyperparameters) => {
    const { status, body } = await api()
      .post('/v1/jobs')
      .send({ task: 'image-classification', dataset: 'x', hyperparameters });
    expect([status, body.errors[0].path]).toEqual([400, `/hyperparameters/${Object.keys(hyperparameters)[0]}`]);
  });

  it('lists one mistake only of a large body', async () => {
    const examples = Array.from({ length: 5000 }, () => ({ text: 1, label: 'x' }));
    const { status, body } = await api()
      .post('/v1/datasets')
      .send({ name: 'x', task: 'text-classification', examples });
    expect([status, body.errors.length]).toEqual([400, 1]);
  });

  it('tells a list or a text of the wrong size by its size, not by what is in it', async () => {
    const inputs = Array(1001).fill({ text: 'one of too many' });
    const many = await api().post('/v1/models/mdl_0/predict').send({ inputs });
    expect(many.status).toBe(400);
    expect(many.body.errors[0]).toMatchObject({
      path: '/inputs',
      detail: 'must be a list of 1 to 1000 items, not of 1001',
    });
  });

  it('says that a NUL in a text cannot be kept', async () => {
    const form = api().post('/v1/datasets').field('task', 'image-classification').attach('file', Buffer.from('x'), 'a');
    const key = api()
      .post('/v1/keys')
      .send({ name: 'a\0b', scopes: ['read'] });
    for (const request of [form.field('name', 'a\0b'), key]) {
      const { status, body } = await request;
      expect([status, body.code]).toEqual([400, 'request-invalid']);
      expect(body.detail).toContain('holds a NUL (U+0000)');
    }
  });

  it('takes numbers from the query, within their range, and nothing unknown', async () => {
    await api().get('/v1/jobs?limit=100').expect(200);
    for (const query of ['limit=0', 'limit=101', 'limit=many', 'state=asleep', 'colour=red', 'after=', 'after=!']) {
      const { status, body } = await api().get(`/v1/jobs?${query}`);
      expect([query, status, body.code]).toEqual([query, 400, 'request-invalid']);
    }
  });
});

describe('addresses, methods and media types', () => {
  it('tells 404 from 405', async () => {
    expect((await api().get('/v1/nothing')).body).toMatchObject({ status: 404, code: 'not-found' });
    const answer = await api().patch('/v1/jobs/job_x/cancel');
    expect([answer.status, answer.headers.allow, answer.body.code]).toEqual([405, 'POST', 'method-not-allowed']);
    expect((await api().get('/v1/jobs/%zz')).body.code).toBe('request-malformed');
  });

  it('names the media types that are taken', async () => {
    const form = await api().post('/v1/jobs').type('form').send('a=b');
    expect([form.status, form.body.code]).toEqual([415, 'media-type-unsupported']);
    expect(form.body.detail).toContain('application/json');
    const text = await api().post('/v1/datasets').type('text/plain').send('x');
    expect(text.body.detail).toContain('multipart/form-data');
    const multipart = await api().post('/v1/jobs').field('task', 'x');
    expect(multipart.status).toBe(415);
    const image = await api().post('/v1/models/mdl_x/predict').type('image/tiff').send(Buffer.from('x'));
    expect(image.body.detail).toContain('image/jpeg');
    const none = await api().post('/v1/jobs/job_x/cancel').type('text/plain').send('x');
    expect([none.status, none.body.detail]).toEqual([415, expect.stringContaining('send no body')]);
  });

  it('says the limit of a body that is too large', async () => {
    const { status, body } = await api()
      .post('/v1/jobs')
      .set('content-type', 'application/json')
      .send(`{"name": "${'x'.repeat(17 * 1024 * 1024)}"}`);
    expect([status, body.code]).toEqual([413, 'too-large']);
    expect(body.detail).toContain('16777216');
  });

  it('answers what is no HTTP', async () => {
    const { port } = new URL(service.url);
    const socket = connect(Number(port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.write('NONSENSE\r\n\r\n');
    await until(() => expect(text).toMatch(/^HTTP\/1.1 400 [\s\S]*problem\+json[\s\S]*request-malformed/));
    socket.destroy();
  });
});

describe('operations', () => {
  it('is alive and ready', async () => {
    expect((await api().get('/healthz')).body).toEqual({ status: 'ok' });
    expect((await api().get('/readyz')).body).toEqual({ status: 'ready', checks: { database: 'up', schema: 'up' } });
  });

  it('names the part that is down', async () => {
    const broken = await testService({
      checks: {
        database: async () => {},
        queue: async () => {
          throw new Error('connection refused');
        },
      },
    });
    const answer = await supertest(broken.url).get('/readyz');
    expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([503, 'unavailable', '1']);
    expect(answer.body.errors).toEqual([{ path: 'queue', code: 'unavailable', detail: 'connection refused' }]);
    const metrics = await supertest(broken.url).get('/metrics');
    expect(metrics.text).toContain('graft_up{part="queue"} 0');
    await broken.close();
  });

  it('measures requests by route and jobs by state', async () => {
    await api().get('/v1/jobs/job_00000000000000000000000000').expect(404);
    const { text } = await api().get('/metrics');
    expect(text).toMatch(
      /graft_http_request_duration_seconds_count\{method="GET",route="\/v1\/jobs\/:id",status="404"\} \d/,
    );
    expect(text).toContain('graft_jobs{state="queued"} 0');
    expect(text).not.toContain('job_0000');
  });

  it('serves a reference page that fetches nothing', async () => {
    await api().get('/').expect(302).expect('location', '/docs');
    const { text, headers } = await api().get('/docs');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    for (const { url, method } of service.app.registeredRoutes()) {
      if (method === 'HEAD' || url === '/') continue;
      expect(text).toContain(url.replace(/:([a-z]+)/g, '{$1}'));
    }
    // The commands can be pasted as they are: this machine needs no key here.
    expect(text).not.toContain('$GRAFT_KEY');
    for (const step of ['createBase', 'createDataset', 'createJob', 'getJob', 'predict'])
      expect(text.indexOf(`href="#${step}"`)).toBeGreaterThan(0);
    expect(text).not.toMatch(/<pre>[^<]*=…/);
    const yaml = await api().get('/openapi.yaml');
    expect(yaml.text).toMatch(/^openapi: 3\.1\.0/);
    expect(yaml.text).not.toMatch(/name: limit\n +required: true/);
  });
});
