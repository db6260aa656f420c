import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestService, testService } from '../../support/http.js';

let service: TestService;
beforeAll(async () => {
  service = await testService({ config: { requestsPerSecond: 1 } });
});
afterAll(() => service.close());
/** One request a second over ten seconds. */
const MOST = 10;

const list = (key: string) => supertest(service.url).get('/v1/jobs').set('authorization', `Bearer ${key}`);

it('refuses what a key asks too often, says for how long, and leaves the others alone', async () => {
  const [eager, calm] = [await service.key('read', 'write'), await service.key('read')];
  const began = performance.now();
  for (let n = 1; n <= MOST; n++) {
    const { status, headers } = await list(eager);
    expect([status, headers['ratelimit-limit'], headers['ratelimit-remaining']]).toEqual([
      200,
      `${MOST}`,
      `${MOST - n}`,
    ]);
  }
  const refused = await list(eager);
  expect(refused.status).toBe(429);
  expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(refused.body).toMatchObject({
    type: 'urn:graft:error:rate-limited',
    status: 429,
    code: 'rate-limited',
    instance: '/v1/jobs',
    requestId: expect.stringMatching(/^req_/),
  });
  expect(refused.body.detail).toContain('1 requests a second');
  expect((await list(calm)).status).toBe(200);

  const upload = await supertest(service.url)
    .post('/v1/datasets')
    .set('authorization', `Bearer ${eager}`)
    .field('name', 'x')
    .field('task', 'image-classification')
    .attach('file', Buffer.alloc(2_000_000), 'a.zip');
  expect([upload.status, upload.body.code]).toEqual([429, 'rate-limited']);
  const { rows } = await service.db.pool.query('SELECT count(*)::int AS datasets FROM dataset');
  expect(rows[0].datasets).toBe(0);
  for await (const blob of service.stores.datasets.list('')) expect(blob).toBeUndefined();

  const wait = Number(refused.headers['retry-after']);
  expect(wait).toBeGreaterThanOrEqual(1);
  expect(wait).toBeLessThanOrEqual(MOST - Math.floor((performance.now() - began) / 1000) + 1);
  await sleep(wait * 1000);
  expect((await list(eager)).status).toBe(200);
});

it('never refuses health, the reference, or this machine itself where it needs no key', async () => {
  for (let n = 0; n <= MOST + 1; n++) {
    for (const path of ['/healthz', '/openapi.yaml', '/v1/jobs'])
      expect([path, (await supertest(service.url).get(path)).status]).toEqual([path, 200]);
  }
});

it('looks up no more keys of an address that sent many wrong ones, but those that it knew', async () => {
  const own = await testService({ config: { openLoopback: false } });
  const [known, fresh] = [await own.key('read'), await own.key('read')];
  const ask = (key: string) => supertest(own.url).get('/v1/jobs').set('authorization', `Bearer ${key}`);
  expect((await ask(known)).status).toBe(200);
  const seen: number[] = [];
  for (let n = 0; n < 61; n++) seen.push((await ask(`grft_wrong_${n}`)).status);
  expect(seen).toEqual([...Array.from({ length: 60 }, () => 401), 429]);
  const refused = await ask(fresh);
  expect([refused.status, refused.body.code]).toEqual([429, 'rate-limited']);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
  expect((await ask(known)).status).toBe(200);
  expect((await supertest(own.url).get('/healthz')).status).toBe(200);
  await own.close();
});
