import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, expectProblem, httpOf } from './support/http.js';
import { type Service, startService } from './support/service.js';

/** Two models of texts over HTTP alone, on the base in the box: one, and one on the base that was made from it. */
let service: Service;
let http: ReturnType<typeof httpOf>;
let folder: string;
let dataset: Answer;
let first: Answer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-texts-'));
  service = await startService();
  http = httpOf(service);
  await http.until('/v1/bases/text-small', (base) => base.state === 'ready');
});
afterAll(async () => {
  await service?.stop();
  await rm(folder, { recursive: true, force: true });
});

const THINGS = ['soup', 'cake', 'bread', 'tea', 'engine', 'wheel', 'brake', 'gear'];
const ENDS = ['was on the table', 'is what they talked about', 'came late', 'needs more time', 'costs too much'];
const TEXTS = THINGS.flatMap((thing, i) =>
  ENDS.map((end) => ({ text: `The ${thing} ${end}.`, label: i < THINGS.length / 2 ? 'kitchen' : 'garage' })),
);

async function trained(request: object): Promise<Answer> {
  const created = await http.post('/v1/jobs', { task: 'text-classification', dataset: dataset.id, ...request });
  expect(created.status, JSON.stringify(created.body)).toBe(202);
  const job = await http.ended(created.body.id);
  expect(job.error).toBeNull();
  return (await http.get(`/v1/models/${job.model}`)).body;
}

/** Probabilities of all labels that the service gives for the first texts. */
async function served(model: Answer): Promise<readonly Record<string, number>[]> {
  const inputs = TEXTS.map(({ text }) => ({ text }));
  const { body } = await http.post(`/v1/models/${model.id}/predict`, { inputs });
  return body.predictions.map(({ top }: Answer) =>
    Object.fromEntries(top.map(({ label, probability }: Answer) => [label, probability])),
  );
}

test('a table becomes a model', async () => {
  const csv = `text,label\n${TEXTS.map(({ text, label }) => `${text},${label}`).join('\n')}\n`;
  const created = await http.call('POST', '/v1/datasets', {
    body: http.form({ name: 'rooms', task: 'text-classification' }, Buffer.from(csv), 'rooms.csv'),
  });
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  dataset = await http.until(`/v1/datasets/${created.body.id}`, ({ state }) => state !== 'checking');
  first = await trained({ name: 'rooms', base: 'text-small' });
});

test('transformers.js loads the downloaded folder as it is, and says what the service says', async () => {
  const { data } = (await http.get(`/v1/models/${first.id}/files`)).body;
  for (const { name } of data) {
    const file = await fetch(`${service.url}/v1/models/${first.id}/files/${name}`, { headers: service.headers });
    await writeFile(join(folder, name), new Uint8Array(await file.arrayBuffer()));
  }
  env.allowRemoteModels = false;
  const classify = await pipeline('text-classification', folder, {
    subfolder: '',
    dtype: 'fp32',
    local_files_only: true,
  });
  const expected = await served(first);
  for (const [i, { text }] of TEXTS.entries()) {
    const answer = (await classify(text, { top_k: null })) as readonly { label: string; score: number }[];
    expect(answer.map(({ label }) => label).sort()).toEqual(['garage', 'kitchen']);
    for (const { label, score } of answer) expect(score).toBeCloseTo(expected[i]![label]!, 4);
  }
  await classify.dispose();
});

test('a base of the model: the same encoder, tokenizer and pooling below a head of its own', async () => {
  const created = await http.post('/v1/bases', { model: first.id });
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  const base = await http.until(`/v1/bases/${created.body.id}`, ({ state }) => state !== 'checking');
  expect(base).toMatchObject({ name: 'rooms', state: 'ready', tasks: ['text-classification'], text: first.text });
  expect(base.cuts.find((cut: Answer) => cut.default)).toMatchObject({ tensor: first.method.cut, kind: 'tokens' });

  const second = await trained({ base: 'rooms' });
  expect(second.lineage.map((link: Answer) => link.model)).toEqual([second.id, first.id]);
  expect(second.text).toEqual(first.text);
  const [one, two] = [await served(first), await served(second)];
  for (const [i, { label }] of TEXTS.entries()) expect(two[i]![label]).toBeCloseTo(one[i]![label]!, 4);
  const filesOf = async ({ id }: Answer) =>
    new Map((await http.get(`/v1/models/${id}/files`)).body.data.map((file: Answer) => [file.name, file.digest]));
  const [own, next] = [await filesOf(first), await filesOf(second)];
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'config.json', 'labels.json']) {
    expect(own.get(name)).toMatch(/^sha256:/);
    expect(next.get(name), name).toBe(own.get(name));
  }
  expectProblem(await http.call('DELETE', `/v1/models/${first.id}`), 409, 'in-use');
});
