import { request as httpRequest } from 'node:http';
import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshKey } from '../../../src/api-keys.js';
import { SCOPES, type Scope } from '../../../src/domain/ports.js';
import { newId } from '../../../src/ids.js';
import { type TestService, testService } from '../../support/http.js';

type Method = 'get' | 'post' | 'put' | 'delete' | 'head';
const ID = '00000000000000000000000000';

describe('with keys only', () => {
  let service: TestService;
  const keys = new Map<Scope, string>();
  beforeAll(async () => {
    service = await testService({ config: { openLoopback: false } });
    for (const scope of SCOPES) keys.set(scope, await service.key(scope));
  });
  afterAll(() => service.close());

  const ask = (method: string, url: string) =>
    supertest(service.url)[method.toLowerCase() as Method](url.replace(':id', `x_${ID}`).replace(':name', 'x'));

  it('refuses every route but the public ones without a key, and with a key of the wrong scope', async () => {
    const routes = service.app.registeredRoutes();
    expect(routes.length).toBeGreaterThan(40);
    const seen = new Set<string>();
    for (const { method, url, scope } of routes) {
      if (scope === 'public') continue;
      seen.add(scope);
      const bare = await ask(method, url);
      expect([method, url, bare.status]).toEqual([method, url, 401]);
      expect(bare.headers['www-authenticate']).toBe('Bearer realm="graft"');
      const wrong = await ask(method, url).set('authorization', `Bearer grft_nobody`);
      expect([method, url, wrong.status]).toEqual([method, url, 401]);
      for (const [other, key] of keys) {
        const answer = await ask(method, url).set('authorization', `Bearer ${key}`);
        const may = other === scope || other === 'admin';
        expect([method, url, other, answer.status === 403]).toEqual([method, url, other, !may]);
        expect([method, url, other, answer.status]).not.toEqual([method, url, other, 401]);
        expect(answer.status).toBeLessThan(500);
        if (!may && method !== 'HEAD') expect(answer.body.code).toBe('scope-missing');
      }
    }
    expect([...seen].sort()).toEqual([...SCOPES].sort());
  });

  it('leaves only health and the reference open', () => {
    const open = service.app.registeredRoutes().filter(({ scope, method }) => scope === 'public' && method === 'GET');
    expect(open.map(({ url }) => url).sort()).toEqual(['/', '/docs', '/healthz', '/openapi.yaml', '/readyz']);
  });

  it('shows in the reference how a key is sent', async () => {
    const { text } = await supertest(service.url).get('/docs');
    expect(text).toContain('Authorization: Bearer $GRAFT_KEY');
    expect(text).toContain('Every request needs an API key');
  });

  it('makes a key whose secret is shown once, and revokes it at once', async () => {
    const admin = `Bearer ${keys.get('admin')}`;
    const made = await supertest(service.url)
      .post('/v1/keys')
      .set('authorization', admin)
      .send({ name: 'ci', scopes: ['read'] });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ object: 'key', name: 'ci', scopes: ['read'], lastUsedAt: null, expiresAt: null });
    expect(made.body.secret).toMatch(/^grft_/);
    const own = () => supertest(service.url).get('/v1/jobs').set('authorization', `Bearer ${made.body.secret}`);
    expect((await own()).status).toBe(200);
    const list = await supertest(service.url).get('/v1/keys').set('authorization', admin);
    expect(JSON.stringify(list.body)).not.toContain(made.body.secret);
    const { rows } = await service.db.pool.query('SELECT * FROM api_key');
    expect(JSON.stringify(rows)).not.toContain(made.body.secret);
    await supertest(service.url).delete(`/v1/keys/${made.body.id}`).set('authorization', admin).expect(204);
    expect((await own()).status).toBe(401);
  });
});

describe('between projects', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await testService({ config: { openLoopback: false } });
  });
  afterAll(() => service.close());

  it('shows another project nothing', async () => {
    const form = supertest(service.url)
      .post('/v1/datasets')
      .set('authorization', `Bearer ${await service.key('write')}`);
    const mine = await form
      .field('name', 'x')
      .field('task', 'image-classification')
      .attach('file', Buffer.from('x'), 'a');
    expect(mine.status).toBe(201);
    await service.db.pool.query(`INSERT INTO project (id, name) VALUES ('prj_other', 'other')`);
    const { secret, ...stored } = freshKey();
    const key = { id: newId('key'), projectId: 'prj_other', name: 'other', scopes: SCOPES, expiresAt: null, ...stored };
    await service.repos.keys.create(key);
    const other = (method: Method, path: string) =>
      supertest(service.url)[method](path).set('authorization', `Bearer ${secret}`);
    for (const path of ['/v1/datasets', '/v1/bases', '/v1/jobs', '/v1/models'])
      expect([path, (await other('get', path)).body.data]).toEqual([path, []]);
    expect((await other('get', '/v1/keys')).body.data.map((one: { id: string }) => one.id)).toEqual([key.id]);
    for (const method of ['get', 'delete'] as const)
      expect((await other(method, `/v1/datasets/${mine.body.id}`)).status).toBe(404);
    const job = { task: 'image-classification', dataset: mine.body.id };
    expect((await other('post', '/v1/jobs').send(job)).body.errors[0].path).toBe('/dataset');
  });
});

describe('open on loopback', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await testService();
  });
  afterAll(() => service.close());

  /** Raw, since a browser's headers are not for a client library to set. */
  const status = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      httpRequest(`${service.url}/v1/jobs`, { headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });

  it('answers this machine without a key', async () => {
    const { host } = new URL(service.url);
    expect(await status({})).toBe(200);
    expect(await status({ host: 'localhost:8080' })).toBe(200);
    expect(await status({ host: '[::1]:8080' })).toBe(200);
    expect(await status({ origin: `http://${host}` })).toBe(200);
    expect(await status({ 'sec-fetch-site': 'same-origin' })).toBe(200);
  });

  it('refuses what a proxy, a foreign page or a rebound name sends', async () => {
    expect(await status({ 'x-forwarded-for': '203.0.113.7' })).toBe(401);
    expect(await status({ forwarded: 'for=203.0.113.7' })).toBe(401);
    expect(await status({ host: 'attacker.example' })).toBe(401);
    expect(await status({ host: 'localhost.attacker.example' })).toBe(401);
    expect(await status({ host: '127.0.0.1.attacker.example' })).toBe(401);
    expect(await status({ origin: 'https://attacker.example' })).toBe(401);
    expect(await status({ origin: 'http://localhost:3000' })).toBe(401);
    expect(await status({ origin: 'null' })).toBe(401);
    expect(await status({ 'sec-fetch-site': 'cross-site' })).toBe(401);
  });

  it('still refuses a key that is not known', async () => {
    expect(await status({ authorization: 'Bearer grft_nobody' })).toBe(401);
    expect(await status({ authorization: 'Basic abc' })).toBe(401);
    expect(await status({ authorization: `Bearer ${await service.key('predict')}` })).toBe(403);
  });
});
