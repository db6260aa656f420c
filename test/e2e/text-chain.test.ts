import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { env, pipeline } from '@huggingface/transformers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { weightsOf } from '../support/weights.js';
import { trainingChild } from './support/disturbed.js';
import { type Answer, expectProblem, httpOf } from './support/http.js';
import { type Service, startService } from './support/service.js';

/** Models of texts over HTTP alone, on the base in the box: one, one that is fine-tuned, and one on the base made from the first. */
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

async function posted(request: object): Promise<string> {
  const created = await http.post('/v1/jobs', { task: 'text-classification', dataset: dataset.id, ...request });
  expect(created.status, JSON.stringify(created.body)).toBe(202);
  return created.body.id;
}
/** The job, once it has ended well. */
async function succeeded(id: string): Promise<Answer> {
  const job = await http.ended(id);
  expect(job.error).toBeNull();
  expect(job.state).toBe('succeeded');
  return job;
}
const modelOf = async (job: Answer): Promise<Answer> => (await http.get(`/v1/models/${job.model}`)).body;
const trained = async (request: object): Promise<Answer> => modelOf(await succeeded(await posted(request)));

/** Downloads all files of a model into a folder of its own. */
async function downloaded({ id }: Answer): Promise<string> {
  const into = join(folder, id);
  await mkdir(into);
  for (const { name } of (await http.get(`/v1/models/${id}/files`)).body.data) {
    const file = await fetch(`${service.url}/v1/models/${id}/files/${name}`, { headers: service.headers });
    await writeFile(join(into, name), new Uint8Array(await file.arrayBuffer()));
  }
  return into;
}

/** transformers.js, which loads a downloaded folder as it is, says of every text what the service says. */
async function saysTheSame(model: Answer, at: string): Promise<void> {
  env.allowRemoteModels = false;
  const options = { subfolder: '', dtype: 'fp32', local_files_only: true } as const;
  const classify = await pipeline('text-classification', at, options);
  const expected = await served(model);
  for (const [i, { text }] of TEXTS.entries()) {
    const answer = (await classify(text, { top_k: null })) as readonly { label: string; score: number }[];
    expect(answer.map(({ label }) => label).sort()).toEqual(['garage', 'kitchen']);
    for (const { label, score } of answer) expect(score).toBeCloseTo(expected[i]![label]!, 4);
  }
  await classify.dispose();
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
  await saysTheSame(first, await downloaded(first));
});

describe('fine-tuning', () => {
  /** Enough small steps to be hit in the middle, large enough to move more than the head. */
  const hyperparameters = {
    ...{ epochs: 12, patience: 12, batchSize: 4, learningRate: 1e-4, layerDropout: 0.1, seed: 2 },
  };
  const request = { name: 'tuned', base: 'text-small', method: { type: 'fineTuning', layers: 4 }, hyperparameters };
  let job: Answer;
  let tuned: Answer;
  let weights: ReadonlyMap<string, string>;

  test('changes tensors of the base, and what it learnt is kept', async () => {
    job = await succeeded(await posted(request));
    tuned = await modelOf(job);
    const at = await downloaded(tuned);
    expect(await readFile(join(at, 'README.md'), 'utf8')).toMatch(/the weights after epoch \d+ are kept by validation/);
    const file = await readFile(join(at, 'model.onnx'));
    expect(['Dropout', 'dropout'].some((word) => file.includes(word))).toBe(false);
    weights = weightsOf(file);
    const before = weightsOf(await readFile(join(folder, first.id, 'model.onnx')));
    expect([...weights.keys()]).toEqual([...before.keys()]);
    const changed = [...weights.keys()].filter((name) => weights.get(name) !== before.get(name));
    expect(changed.length).toBeGreaterThan(['head.weight', 'head.bias'].length + 4);
    const points = (await http.get(`/v1/jobs/${job.id}/metrics?name=validation/loss&limit=100`)).body.data;
    const headAlone = points.find((point: Answer) => point.step === 0).value;
    expect(job.metrics['validation/loss']).toBeLessThan(headAlone);
    await saysTheSame(tuned, at);
  });

  test('its model predicts the probabilities that were measured', async () => {
    const { data } = (await http.get(`/v1/models/${tuned.id}/evaluation/examples?limit=100`)).body;
    expect(data).toHaveLength(8);
    const [all, headAlone] = [await served(tuned), await served(first)];
    expect(all.some(({ garage }, i) => Math.abs(garage! - headAlone[i]!.garage!) > 1e-3)).toBe(true);
    for (const { path, probabilities } of data) {
      const given = all[Number(path.replace('row ', '')) - 2]!;
      for (const [k, label] of tuned.labels.entries()) expect(given[label]).toBeCloseTo(probabilities[k], 4);
    }
  });

  test('paused, and then kill -9 of its process: it goes on from what is on disk, and the same comes out', async () => {
    const id = await posted(request);
    const reached = (step: number) =>
      http.until(`/v1/jobs/${id}`, ({ state, progress }) => {
        if (state === 'succeeded' || state === 'failed') throw new Error('The job ended before it could be disturbed.');
        return progress?.phase === 'training' && progress.done >= step;
      });
    await reached(5);
    expect((await http.post(`/v1/jobs/${id}/pause`)).status).toBe(202);
    await http.until(`/v1/jobs/${id}`, ({ state }) => state === 'paused');
    const kept = (await readdir(join(service.home, 'checkpoints', id))).map((name) => Number.parseInt(name, 10));
    expect((await http.post(`/v1/jobs/${id}/resume`)).status).toBe(202);
    await reached(Math.max(...kept) + 2);
    process.kill(trainingChild(service), 'SIGKILL');
    const disturbed = await succeeded(id);
    expect(disturbed.attempt).toBe(3);
    const { data: events } = (await http.get(`/v1/jobs/${id}/events?limit=100`)).body;
    const told = events.filter(({ message }: Answer) => message.startsWith('goes on after step'));
    expect(told).toHaveLength(2);
    expect(told[0].data).toEqual({ step: Math.max(...kept), steps: 96 });
    // Where the machine is so slow that another was written meanwhile, from that.
    expect(told[1].data.step).toBeGreaterThanOrEqual(Math.max(...kept));
    expect(disturbed.metrics).toEqual(job.metrics);
    const at = await downloaded(await modelOf(disturbed));
    expect(weightsOf(await readFile(join(at, 'model.onnx')))).toEqual(weights);
    expect(existsSync(join(service.home, 'checkpoints', id))).toBe(false);
  });
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

test('long texts are read in windows where there are many, and the files say how', async () => {
  const filler = 'It went on and on as such things do. ';
  const rows = TEXTS.map(({ text, label }, i) => ({
    // What tells the label stands behind what the base reads at once.
    text: i % 2 === 0 ? `${filler.repeat(40)}${`${text} `.repeat(8)}` : text,
    label,
  }));
  const csv = `text,label\n${rows.map(({ text, label }) => `${text},${label}`).join('\n')}\n`;
  const created = await http.call('POST', '/v1/datasets', {
    body: http.form({ name: 'long rooms', task: 'text-classification' }, Buffer.from(csv), 'long.csv'),
  });
  const long = await http.until(`/v1/datasets/${created.body.id}`, ({ state }) => state !== 'checking');
  const model = await trained({ name: 'long rooms', base: 'text-small', dataset: long.id });
  const job = (await http.get(`/v1/jobs/${model.job}`)).body;
  expect(job.hyperparameters.longText).toBe('windows');
  const { data: events } = (await http.get(`/v1/jobs/${model.job}/events?limit=100`)).body;
  const told = events.map(({ message }: Answer) => message).join('\n');
  expect(told).toMatch(/longText windows: 20 of 40 texts \(50\.0 %\) are longer than the 256 tokens/);
  expect(told).toMatch(/20 \(50\.0 %\) are split into windows, \d+ in all; none is cut off/);
  const { tokens } = (await http.get(`/v1/models/${model.id}/evaluation`)).body;
  expect(tokens).toMatchObject({ texts: 40, limit: 256, long: 20, longText: 'windows', truncated: 0 });
  expect(model.text.windows).toEqual({ overlap: 32, most: 32 });

  const file = async (name: string) =>
    Buffer.from(
      await (
        await fetch(`${service.url}/v1/models/${model.id}/files/${name}`, { headers: service.headers })
      ).arrayBuffer(),
    );
  expect(String(await file('README.md'))).toContain('the logits of the windows are averaged, weighted by their tokens');
  const parsed = async (name: string) => JSON.parse(String(await file(name)));
  expect((await parsed('config.json')).long_text).toMatchObject({ read_in: 'windows', overlap: 32 });
  const tokenizer = new Tokenizer(await parsed('tokenizer.json'), await parsed('tokenizer_config.json'));
  const session = await InferenceSession.create(new Uint8Array(await file('model.onnx')), { intraOpNumThreads: 1 });
  const inputs = rows.slice(0, 6).map(({ text }) => ({ text }));
  const { predictions } = (await http.post(`/v1/models/${model.id}/predict`, { inputs })).body;
  for (const [i, { text }] of inputs.entries()) {
    const [first, ...rest] = tokenizer.encode(text).ids as number[];
    const [own, last] = [rest.slice(0, -1), rest.at(-1)!];
    const windows: number[][] = [];
    for (let at = 0; at === 0 || at + 32 < own.length; at += 222)
      windows.push([first!, ...own.slice(at, at + 254), last]);
    let [sum, weights] = [[0, 0], 0];
    for (const window of windows) {
      const feed = (of: (id: number) => number) =>
        new Tensor(
          'int64',
          BigInt64Array.from(window, (id) => BigInt(of(id))),
          [1, window.length],
        );
      const fed = { input_ids: feed((id) => id), attention_mask: feed(() => 1), token_type_ids: feed(() => 0) };
      const { logits } = await session.run(
        Object.fromEntries(Object.entries(fed).filter(([name]) => session.inputNames.includes(name))),
      );
      sum = sum.map((x, c) => x + window.length * (logits!.data as Float32Array)[c]!);
      weights += window.length;
    }
    const [garage, kitchen] = sum.map((x) => x / weights) as [number, number];
    const { top, windows: read, truncated } = predictions[i];
    expect([read ?? 1, truncated]).toEqual([windows.length, undefined]);
    const probability = top.find(({ label }: Answer) => label === 'kitchen').probability;
    expect(probability).toBeCloseTo(1 / (1 + Math.exp(garage - kitchen)), 4);
  }
  await session.release();
  expect(predictions.filter(({ windows }: Answer) => windows > 1)).toHaveLength(3);
});

/** Of `npm run engine:tensorflow`; the tests in test/conformance/tensorflow insist on it in CI. */
const engines = resolve(process.env.TEST_TENSORFLOW_HOME ?? '.graft', 'engines');
test.runIf(existsSync(join(engines, 'tensorflow/installation.json')))(
  'both methods train on the TensorFlow engine, to what onnxruntime comes to',
  async () => {
    await symlink(engines, join(service.home, 'engines'));
    await http.until('/v1/engines', ({ data }) =>
      data.some((one: Answer) => one.executor === 'tensorflow' && one.usable),
    );
    for (const method of [{ type: 'fineTuning' }, { type: 'featureExtraction' }]) {
      const request = { base: 'text-small', method, hyperparameters: { epochs: 2, seed: 1 } };
      const ours = await trained({ ...request, engine: 'tensorflow' });
      const theirs = await trained({ ...request, engine: 'onnxruntime' });
      expect(ours.certificate.engines.trainer.executor).toBe('tensorflow');
      expect(ours.certificate.maxDifference).toBeLessThanOrEqual(1e-4);
      expect(theirs.certificate.engines.trainer.executor).toBe('onnxruntime');
      const [one, other] = [await served(ours), await served(theirs)];
      for (const [i, { label }] of TEXTS.entries()) expect(one[i]![label]).toBeCloseTo(other[i]![label]!, 2);
    }
  },
  120_000,
);
