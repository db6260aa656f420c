import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../support/net.js';
import { emptyDatabase } from '../support/postgres.js';
import { startRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { processes } from './support/processes.js';
import { type Service, type ServiceOptions, startService } from './support/service.js';

const started: Service[] = [];
const start = async (options?: ServiceOptions) => {
  const service = await startService(options);
  started.push(service);
  return service;
};
afterEach(async () => {
  // The last first: with its service goes the home, which an earlier one, gone already, left to it.
  for (const service of started.splice(0).reverse()) await service.stop();
});
const none = (pids: readonly number[]) => expect(processes().filter(({ pid }) => pids.includes(pid))).toEqual([]);
const status = async (service: Service, path: string) => {
  const answer = await fetch(`${service.url}${path}`, { headers: service.headers });
  await answer.body?.cancel();
  return answer.status;
};

describe('npm start', () => {
  it('is ready, says where, and Ctrl-C ends everything in order', async () => {
    const service = await start({ firstStart: true });
    await until(() => expect(service.output()).toContain('Graft is ready'));
    expect(service.output()).toContain(service.url);
    expect(service.output()).toContain(`${service.url}/docs`);
    expect(service.output()).toContain('npx graft train');
    expect(service.output()).toContain(service.home);
    expect(await status(service, '/healthz')).toBe(200);
    expect(await status(service, '/v1/jobs')).toBe(200);
    expect(readdirSync(join(service.home, 'logs')).toSorted()).toEqual(
      expect.arrayContaining(['api.log', 'postgres.log', 'predict.log', 'worker.log']),
    );
    const pids = service.pids();
    expect(pids.length).toBeGreaterThanOrEqual(5);
    const before = performance.now();
    expect(await service.end('SIGINT')).toBe(0);
    expect(performance.now() - before).toBeLessThan(15_000);
    none(pids);
    expect(service.output()).not.toContain('is killed');
    expect(service.output()).toMatch(/Stopped\. .*\n$/);
  });

  it('starts again where it was after an end', async () => {
    const first = await start();
    const form = new FormData();
    form.set('name', 'kept');
    form.set('task', 'image-classification');
    form.set('file', new Blob(['no archive']), 'photos.zip');
    const created = await fetch(`${first.url}/v1/datasets`, { method: 'POST', body: form });
    expect(created.status).toBe(201);
    const { id } = (await created.json()) as { id: string };
    await first.end();
    const second = await start({ home: first.home });
    expect(await status(second, `/v1/datasets/${id}`)).toBe(200);
  });

  it('leaves nothing behind when its supervisor is killed, and starts again', async () => {
    const first = await start({ firstStart: true });
    const pids = first.pids();
    await first.end('SIGKILL');
    await until(() => none(pids), 60_000);
    const second = await start({ home: first.home, port: Number(new URL(first.url).port) });
    expect(await status(second, '/v1/jobs')).toBe(200);
  });

  it('starts again at once, on the same port, while the remains of a killed run still end', async () => {
    const first = await start();
    await first.end('SIGKILL');
    const second = await start({ home: first.home, port: Number(new URL(first.url).port) });
    expect(await status(second, '/v1/jobs')).toBe(200);
  });

  it.each(['api', 'worker', 'predict'] as const)('replaces a killed %s and says so', async (role) => {
    const service = await start();
    const before = service.pidOf(role);
    process.kill(before, 'SIGKILL');
    await until(() => expect(service.pidOf(role)).not.toBe(before));
    await until(() => expect(service.output()).toMatch(new RegExp(`${role} +was ended by SIGKILL`)));
    await service.ready();
    expect(await status(service, '/v1/jobs')).toBe(200);
  });

  it('brings back its Postgres when that is killed', async () => {
    const service = await start();
    const before = service.pidOf('postgres');
    process.kill(before, 'SIGKILL');
    await until(() => expect(service.pidOf('postgres')).not.toBe(before), 20_000);
    await until(async () => expect(await status(service, '/v1/jobs')).toBe(200), 20_000);
    await service.ready();
  });

  it('recovers when everything but the supervisor is killed at once', async () => {
    const service = await start();
    for (const role of ['postgres', 'api', 'worker', 'predict'] as const) process.kill(service.pidOf(role), 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 200));
    await service.ready();
    await until(async () => expect(await status(service, '/v1/jobs')).toBe(200), 20_000);
  });
});

describe('npm start says what is wrong and how to mend it', () => {
  it('when the port is taken', async () => {
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const service = await start({ port, wait: false });
    await until(() => expect(service.output()).toContain(`Port ${port} on 127.0.0.1 is taken`), 20_000);
    expect(service.output()).toContain(`PORT=${port + 1} npm start`);
    await until(() => expect(service.supervisor.exitCode).toBe(1));
    server.close();
  });

  it('when it runs on that folder already', async () => {
    const first = await start();
    const second = await startService({ home: first.home, wait: false });
    await until(() => expect(second.supervisor.exitCode).toBe(1), 20_000);
    expect(second.output()).toContain(`Graft is running on ${first.home} already`);
    expect(await status(first, '/v1/jobs')).toBe(200);
  });

  it('when the environment is wrong, all mistakes at once', async () => {
    const service = await start({ wait: false, env: { GRAFT_THREADS: 'many', QUEUE_URL: 'http://queue' } });
    await until(() => expect(service.supervisor.exitCode).toBe(1), 20_000);
    expect(service.output()).toContain('GRAFT_THREADS=many');
    expect(service.output()).toContain('QUEUE_URL');
    expect(service.output()).not.toContain('    at ');
  });

  it('when the database cannot be reached', async () => {
    const databaseUrl = 'postgres://nobody:secret-word@127.0.0.1:1/none?connect_timeout=1';
    const service = await start({ wait: false, databaseUrl });
    await until(() => expect(service.supervisor.exitCode).toBe(1), 60_000);
    expect(service.output()).toContain('The Postgres of DATABASE_URL cannot be used');
    expect(service.output()).not.toContain('secret-word');
  });
});

const redis = await startRedis();
describe.runIf(redis !== null)('on Redis and a Postgres of its own', () => {
  it('needs a key, and ends in order', async () => {
    const { url: databaseUrl, drop } = await emptyDatabase();
    const service = await start({ databaseUrl, queueUrl: redis!.url });
    const without = await fetch(`${service.url}/v1/jobs`);
    await without.body?.cancel();
    expect(without.status).toBe(401);
    expect(await status(service, '/v1/jobs')).toBe(200);
    const pids = service.pids();
    expect(await service.end()).toBe(0);
    none(pids);
    await drop();
    await redis?.stop();
  });
});
