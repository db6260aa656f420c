import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeZip } from '../support/zip.js';
import { type Answer, expectProblem, httpOf } from './support/http.js';
import { ROOT, type Service, startService } from './support/service.js';

/** A chain of transfer over HTTP alone, on the base in the box: model, base of it, model on that, base of that, model. */
let service: Service;
let http: ReturnType<typeof httpOf>;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-chain-'));
  service = await startService();
  http = httpOf(service);
  await http.until('/v1/bases/photo-small', (base) => base.state === 'ready');
});
afterAll(async () => {
  await service?.stop();
  await rm(folder, { recursive: true, force: true });
});

const SIDE = 160;
/** One shape on a ground, both in colours of their own, so that no colour gives the label away. */
function drawing(shape: string, i: number): Promise<Buffer> {
  const colour = (n: number) => `hsl(${(i * 47 + n * 140) % 360} 70% ${n === 0 ? 80 : 35}%)`;
  const shapes: Record<string, string> = {
    disc: `<circle cx="${70 + i}" cy="80" r="${30 + i}" fill="${colour(1)}"/>`,
    stripes: [0, 1, 2, 3]
      .map((n) => `<path d="M0 ${20 + i + n * 36}H160" stroke="${colour(1)}" stroke-width="9"/>`)
      .join(''),
    cross: `<path d="M${20 + i} 20L130 140M130 20L${20 + i} 140" stroke="${colour(1)}" stroke-width="14"/>`,
  };
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${SIDE}" height="${SIDE}"><rect width="160" height="160" fill="${colour(0)}"/>${shapes[shape]}</svg>`;
  return sharp(Buffer.from(svg)).png().toBuffer();
}
async function dataset(name: string, labels: readonly string[]): Promise<Answer> {
  const files: Record<string, Buffer> = {};
  for (const label of labels) for (let i = 0; i < 12; i++) files[`${label}/${i}.png`] = await drawing(label, i);
  const zip = join(folder, `${name}.zip`);
  await writeZip(zip, files);
  return http.dataset(await readFile(zip), name);
}
async function model(request: object): Promise<Answer> {
  const created = await http.post('/v1/jobs', { task: 'image-classification', ...request });
  expect(created.status, JSON.stringify(created.body)).toBe(202);
  const job = await http.ended(created.body.id);
  expect(job.error).toBeNull();
  return (await http.get(`/v1/models/${job.model}`)).body;
}
const settled = (id: string) => http.until(`/v1/bases/${id}`, ({ state }) => state === 'ready' || state === 'invalid');

test('two links: each is trained on the one before, serves what it exports, and knows where it comes from', async () => {
  const [pair, three] = [
    await dataset('pair', ['disc', 'stripes']),
    await dataset('three', ['disc', 'stripes', 'cross']),
  ];
  const hyperparameters = { epochs: 2, learningRate: 0.001, augmentation: 'none' };
  const method = { type: 'fineTuning', layers: 2 };
  const first = await model({ dataset: pair.id, name: 'pair', method, hyperparameters });

  const request = { model: first.id };
  const created = await http.post('/v1/bases', request, { 'idempotency-key': 'own' });
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  expect(created.headers.get('location')).toBe(`/v1/bases/${created.body.id}`);
  expect(created.body).toMatchObject({ name: 'pair', state: 'checking', digest: first.certificate.exportDigest });
  const again = await http.post('/v1/bases', request, { 'idempotency-key': 'own' });
  expect([again.body.id, again.headers.get('idempotency-replayed')]).toEqual([created.body.id, 'true']);
  const own = await settled(created.body.id);
  const parent = (await http.get('/v1/bases/photo-small')).body;
  expect(own).toMatchObject({
    state: 'ready',
    error: null,
    license: parent.license,
    preprocessing: parent.preprocessing,
    tasks: ['image-classification'],
  });
  expect(own.cuts.find((cut: Answer) => cut.default).features).toBe(
    parent.cuts.find((cut: Answer) => cut.default).features,
  );

  const second = await model({ dataset: three.id, base: 'pair' });
  const added = await cli('bases', 'add', '--model', second.id, '--name', 'three of mine');
  expect(added).toContain(`from ${second.id}: featureExtraction`);
  expect(added).toContain(`from pair, ${first.id}: fineTuning of the last 2 layers`);
  expect(await cli('bases', 'list')).toMatch(new RegExp(`three of mine .*${second.id}`));
  const third = await model({ dataset: pair.id, base: 'three of mine', method, hyperparameters });
  expect(third.lineage.map((link: Answer) => [link.model, link.dataset.name, link.base.name])).toEqual([
    [third.id, 'pair', 'three of mine'],
    [second.id, 'three', 'pair'],
    [first.id, 'pair', 'photo-small'],
  ]);
  expect((await http.get('/v1/bases/three%20of%20mine')).body.lineage).toEqual(third.lineage.slice(1));
  expect(parent.lineage).toEqual([]);
  expect((await http.get('/v1/models')).body.data[0].lineage).toEqual(third.lineage);
  expect(await cli('models', 'show', third.id)).toContain(second.id);
  const card = (await http.get(`/v1/models/${third.id}/files/README.md`)).body;
  for (const { id } of [first, second, third]) expect(card).toContain(id);

  for (const one of [second, third]) await servesWhatItExports(one);
});

test('what others stand on is kept, and the refusal lists them; from the top down all goes', async () => {
  const [third, second, first] = (await http.get('/v1/models')).body.data;
  const own = (await http.get('/v1/bases/pair')).body;
  const refused = await http.call('DELETE', `/v1/models/${first.id}`);
  expectProblem(refused, 409, 'in-use');
  expect(refused.body.errors).toEqual([{ path: `/v1/bases/${own.id}`, code: 'stands-on-it', detail: 'pair' }]);
  const also = await http.call('DELETE', '/v1/bases/pair');
  expectProblem(also, 409, 'in-use');
  expect(also.body.errors.map((item: Answer) => item.path)).toEqual([`/v1/models/${second.id}`]);
  for (const path of [`models/${third.id}`, 'bases/three%20of%20mine', `models/${second.id}`, 'bases/pair'])
    expect((await http.call('DELETE', `/v1/${path}`)).status, path).toBe(204);
  expect((await http.call('DELETE', `/v1/models/${first.id}`)).status).toBe(204);
});

test('what cannot be made into a base is refused in words', async () => {
  expectProblem(await http.post('/v1/bases', { model: 'mdl_none' }), 404, 'not-found');
  expectProblem(await http.post('/v1/bases', {}), 400, 'request-invalid');
  expectProblem(await http.post('/v1/bases', { model: 'mdl_none', hub: 'org/name' }), 400, 'request-invalid');
  expectProblem(await http.post('/v1/bases', { model: 'mdl_none', revision: 'abc' }), 400, 'request-invalid');
  expectProblem(await http.post('/v1/bases', { model: 'mdl_none', other: 1 }), 400, 'request-invalid');
});

async function cli(...args: string[]): Promise<string> {
  const env = { ...process.env, GRAFT_URL: service.url, NO_COLOR: '1' };
  const { stdout } = await promisify(execFile)(process.execPath, [join(ROOT, 'bin/graft.mjs'), ...args], { env });
  return stdout;
}

async function servesWhatItExports({ id, labels, preprocessing: p }: Answer): Promise<void> {
  const file = await fetch(`${service.url}/v1/models/${id}/files/model.onnx`, { headers: service.headers });
  const session = await InferenceSession.create(new Uint8Array(await file.arrayBuffer()), { intraOpNumThreads: 1 });
  for (const [i, label] of labels.entries()) {
    const bytes = await drawing(label, i + 3);
    const answer = await http.call('POST', `/v1/models/${id}/predict`, {
      body: new Uint8Array(bytes),
      headers: { 'content-type': 'image/png' },
    });
    const edge = (p.resize - p.crop) / 2;
    const pixels = await sharp(bytes)
      .resize(p.resize, p.resize, { fit: 'cover', kernel: 'linear' })
      .extract({ left: edge, top: edge, width: p.crop, height: p.crop })
      .removeAlpha()
      .raw()
      .toBuffer();
    const area = p.crop ** 2;
    const input = Float32Array.from({ length: 3 * area }, (_, at) => {
      const [channel, place] = [Math.floor(at / area), at % area];
      return (pixels[place * 3 + channel]! * p.scale - p.mean[channel]) / p.std[channel];
    });
    const feed = { [session.inputNames[0]!]: new Tensor('float32', input, [1, 3, p.crop, p.crop]) };
    const outside = [...((await session.run(feed)).probabilities!.data as Float32Array)];
    const [served] = answer.body.predictions;
    expect(served.label).toBe(labels[outside.indexOf(Math.max(...outside))]);
    expect(Math.abs(served.probability - Math.max(...outside))).toBeLessThan(0.02);
  }
  await session.release();
}
