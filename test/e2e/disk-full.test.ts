import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { picture } from '../support/pictures.js';
import { until } from '../support/until.js';
import { writeZip } from '../support/zip.js';
import { expectProblem, httpOf, type Reply } from './support/http.js';
import { preparedHome } from './support/prepared-home.js';
import { type Service, startService } from './support/service.js';
import { type SmallDisk, smallDisk, whyNoMount } from './support/small-disk.js';

const MB = 1024 * 1024;
const why = whyNoMount();
if (why !== null) console.warn(`Full disks cannot be tried: mounting a small tmpfs is not permitted here (${why}).`);

/** A dataset that can be trained on, of a few kB. */
async function photos(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'graft-full-'));
  const path = join(folder, 'photos.zip');
  const names = ['a/1.jpg', 'a/2.jpg', 'a/3.jpg', 'b/4.jpg', 'b/5.jpg', 'b/6.jpg'];
  const files = await Promise.all(names.map(async (name, i) => [name, await picture(i)] as const));
  await writeZip(path, Object.fromEntries(files));
  const bytes = await readFile(path);
  await rm(folder, { recursive: true });
  return bytes;
}

describe.runIf(why === null)('with a full disk', () => {
  let service: Service;
  let http: ReturnType<typeof httpOf>;
  const disks: SmallDisk[] = [];
  const clean = async () => {
    await service?.end();
    for (const disk of disks.splice(0)) disk.unmount();
    await service?.stop();
  };
  const upload = (path: string, megabytes: number): Promise<Reply> =>
    http.call('POST', path, {
      body: http.form(
        path.endsWith('bases') ? { name: `of ${megabytes} MB` } : { name: 'large', task: 'image-classification' },
        randomBytes(megabytes * MB),
        'large.zip',
      ),
    });
  const count = async (path: string) => (await http.get(`${path}?limit=100`)).body.data.length as number;
  function expectFull(reply: Reply, instance: string): void {
    expectProblem(reply, 507, 'storage-full');
    expect(reply.body.instance).toBe(instance);
    expect(reply.body.detail).toMatch(/full/);
    expect(reply.body.detail).toMatch(/Make space/);
  }

  describe('of datasets', () => {
    let disk: SmallDisk;
    beforeAll(async () => {
      const home = mkdtempSync(join(tmpdir(), 'graft-e2e-'));
      disk = smallDisk(join(home, 'datasets'), 24);
      disks.push(disk);
      service = await startService({ home });
      http = httpOf(service);
    });
    afterAll(clean);
    const parts = () => readdirSync(join(service.home, 'datasets/part'));

    test('an upload is refused, leaves nothing, and the service goes on', async () => {
      const dataset = await http.dataset(await photos(), 'small');
      expect(dataset.state).toBe('ready');
      const free = disk.freeBytes();
      for (let tries = 0; tries < 3; tries++) {
        expectFull(await upload('/v1/datasets', 40), '/v1/datasets');
        const put = await http.call('PUT', `/v1/datasets/${dataset.id}/content`, {
          body: randomBytes(40 * MB),
          headers: { 'content-type': 'application/zip' },
        });
        expectFull(put, `/v1/datasets/${dataset.id}/content`);
      }
      expect(parts()).toEqual([]);
      expect(disk.freeBytes()).toBeGreaterThan(free - 64 * 1024);
      expect(await count('/v1/datasets')).toBe(1);
      expect((await http.get(`/v1/datasets/${dataset.id}`)).body).toEqual(dataset);
      expect((await http.get('/readyz')).status).toBe(200);
      expect((await http.dataset(await photos(), 'small again')).state).toBe('ready');
    });

    test('several uploads at once that do not fit together end each for itself', async () => {
      const before = await count('/v1/datasets');
      const replies = await Promise.all([1, 2, 3, 4].map(() => upload('/v1/datasets', 15)));
      const stored = replies.filter(({ status }) => status === 201);
      for (const reply of replies) if (reply.status !== 201) expectFull(reply, '/v1/datasets');
      expect(stored.length).toBeLessThan(2);
      expect(await count('/v1/datasets')).toBe(before + stored.length);
      expect(parts()).toEqual([]);
    });
  });

  describe('of Postgres', () => {
    let disk: SmallDisk;
    beforeAll(async () => {
      // Its tables, not its log: a server that cannot write its log ends, as it must.
      const home = await preparedHome();
      disk = smallDisk(join(home, 'postgres/data/base'), 96);
      disks.push(disk);
      service = await startService({ home });
      http = httpOf(service);
    });
    afterAll(clean);

    test('an upload is refused, leaves nothing, and the service goes on', async () => {
      const free = disk.freeBytes();
      const before = await count('/v1/bases');
      expectFull(await upload('/v1/bases', 120), '/v1/bases');
      expect(await count('/v1/bases')).toBe(before);
      expect((await http.get('/readyz')).status).toBe(200);
      // Deleted rows give their space back with Postgres's next vacuum, which comes every minute.
      await until(() => expect(disk.freeBytes()).toBeGreaterThan(free - 8 * MB), 90_000);
      // The next one finds the space again.
      const next = await upload('/v1/bases', 20);
      expect(next.status, JSON.stringify(next.body)).toBe(201);
      expect((await http.dataset(await photos(), 'small')).state).toBe('ready');
    });
  });
});
