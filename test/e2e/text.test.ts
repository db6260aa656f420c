import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sharedData } from '../support/data.js';
import { httpOf } from './support/http.js';
import { ROOT, type Service, startService } from './support/service.js';

/** What is done with texts, from the command line: they are taken and checked, and a job without a base that reads them is refused. */
let service: Service;
let http: ReturnType<typeof httpOf>;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-texts-'));
  service = await startService();
  http = httpOf(service);
});
afterAll(async () => {
  await service?.stop();
  await rm(folder, { recursive: true, force: true });
});

const graft = async (...args: string[]): Promise<string> => {
  const env = { ...process.env, GRAFT_URL: service.url };
  return (await promisify(execFile)(process.execPath, [join(ROOT, 'bin/graft.mjs'), ...args], { env })).stdout;
};
const minilm = sharedData('models/minilm-l6-v2');

test('a table of reviews is checked, its report names rows, and a job on it needs no base of its own', async () => {
  const table = join(folder, 'reviews.csv');
  const rows = Array.from(
    { length: 20 },
    (_, i) => `"review number ${i}, quite ${i % 2 ? 'good' : 'bad'}",${i % 2 ? 'pos' : 'neg'}`,
  );
  await writeFile(table, `review,sentiment\n${rows.join('\n')}\n"nothing said",\n`);
  expect(await graft('datasets', 'add', table)).toMatch(/20 examples.*2 labels: neg, pos/);
  const [dataset] = (await http.get('/v1/datasets')).body.data;
  expect(dataset).toMatchObject({ task: 'text-classification', state: 'ready', waiting: null });
  const report = (await http.get(`/v1/datasets/${dataset.id}/report`)).body;
  expect(report.format).toContain("text in column 'review', label in 'sentiment'");
  expect(report.rejected).toEqual([{ path: 'row 22', code: 'label-missing', detail: 'There is no label.' }]);
  const json = await http.post('/v1/datasets', {
    name: 'few',
    task: 'text-classification',
    examples: ['a', 'b', 'a', 'b'].map((label, i) => ({ text: `text ${i}`, label })),
  });
  expect(json.status).toBe(201);
  await http.until(`/v1/datasets/${json.body.id}`, ({ state }) => state === 'ready');
  const created = await http.post('/v1/jobs', { task: 'text-classification', dataset: dataset.id });
  expect(created.status, JSON.stringify(created.body)).toBe(202);
  const own = (await http.get('/v1/bases/text-small')).body;
  expect(await http.ended(created.body.id)).toMatchObject({ state: 'succeeded', base: { id: own.id } });
});

test.runIf(minilm !== null)('a folder of a hub becomes a base that says how it reads texts', async () => {
  expect(await graft('bases', 'add', minilm!, '--name', 'minilm')).toContain(
    'texts of up to 512 tokens, mean of their vectors',
  );
  const base = (await http.get('/v1/bases/minilm')).body;
  expect(base).toMatchObject({
    state: 'ready',
    tasks: ['text-classification'],
    text: { inputs: { ids: 'input_ids' }, maxLength: 512, vocabulary: 30522, pooling: 'mean' },
  });
});
