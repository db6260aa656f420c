import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import type { Model } from '../../../src/domain/types.js';
import { decodeModel } from '../../../src/onnx/index.js';
import { composeExport, exportOptions } from '../../../src/tasks/image-classification/compose.js';
import { picture } from '../../support/pictures.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { FEATURES, fileOf, PREPROCESSING, smallBase } from '../../support/predict.js';
import { type TrainingGround, trainingGround } from '../../support/training.js';

let db: TestDatabase;
let ground: TrainingGround;
let model: Model;

beforeAll(async () => {
  await build();
  db = await testDatabase();
  const pictures = Array.from({ length: 60 }, async (_, i) => ({
    path: `${i}.png`,
    label: i % 2 === 0 ? 'bright | <b>' : 'dark',
    split: null,
    bytes: await picture(i, { format: 'png', colour: i % 2 === 0 ? [180, 170, 160] : [20, 30, 60] }),
  }));
  ground = await trainingGround(db, {
    pictures: await Promise.all(pictures),
    base: fileOf(smallBase(1)),
    cut: { tensor: 'features', features: FEATURES },
    preprocessing: PREPROCESSING,
  });
  const { id, projectId } = await ground.job();
  await ground.train(id);
  const job = (await ground.repos.jobs.byId(id))!;
  expect(job.error).toBeNull();
  model = (await ground.repos.models.find(projectId, job.modelId!))!;
});
afterAll(async () => {
  await ground.close();
  await db.close();
});

const stored = (name: string) => ground.stores.artifacts.read(`models/${model.id}/files/${name}`);
async function composed(): Promise<Buffer> {
  const base = await ground.stores.artifacts.read(`bases/${model.base.digest}`);
  const head = await ground.stores.artifacts.read(model.headKey);
  return Buffer.concat(composeExport(base, head, exportOptions(model)));
}

describe('a published model', () => {
  it('is composed to the very file that was certified', async () => {
    const file = await composed();
    const digest = `sha256:${createHash('sha256').update(file).digest('hex')}`;
    expect(model.files[0]).toMatchObject({ name: 'model.onnx', bytes: file.length, digest });
    expect(model.certificate).toMatchObject({ exportDigest: digest, tolerance: 1e-4 });
    expect(model.certificate.inputs.length).toBe(4);
  });

  it('is plain ONNX: probabilities, then logits, labels and preprocessing in its metadata', async () => {
    const { graph, metadata } = decodeModel(await composed());
    expect(graph.inputs.map((v) => [v.name, v.dataType, v.shape])).toEqual([['image', 'float32', ['N', 3, 32, 32]]]);
    expect(graph.outputs.map((v) => v.name)).toEqual(['probabilities', 'logits']);
    expect(graph.nodes.every((node) => node.domain === '')).toBe(true);
    expect(JSON.parse(metadata.get('labels')!)).toEqual(['bright | <b>', 'dark']);
    expect(JSON.parse(metadata.get('preprocessing')!)).toEqual(PREPROCESSING);
  });

  it('comes with labels, preprocessing and a card in which names are no markup', async () => {
    const text = async (name: string) => Buffer.from(await stored(name)).toString();
    expect(JSON.parse(await text('labels.json'))).toEqual(model.labels);
    expect(JSON.parse(await text('preprocessing.json'))).toEqual(model.preprocessing);
    const card = await text('README.md');
    expect(card).toContain(model.certificate.exportDigest);
    expect(card).toContain(model.base.digest);
    expect(card).toContain('bright \\| \\<b\\>');
  });

  it("is used by the card's Python as it stands, with the trainer's answer", async () => {
    const python = await pythonWith(['onnxruntime', 'pillow', 'numpy']);
    const card = Buffer.from(await stored('README.md')).toString();
    const folder = join(ground.home, 'card');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'model.onnx'), await composed());
    await writeFile(join(folder, 'use.py'), /```python\n([\s\S]*?)```/.exec(card)![1]!);
    const shown = await ground.repos.models.evaluationExamples(model.id, {}, { limit: 3 });
    for (const example of shown.data) {
      const bytes = await picture(Number.parseInt(example.path, 10), {
        format: 'png',
        colour: example.actual === 'dark' ? [20, 30, 60] : [180, 170, 160],
      });
      await writeFile(join(folder, 'photo.png'), bytes);
      const answer = execFileSync(python, ['use.py', 'photo.png'], { cwd: folder, encoding: 'utf8' });
      const [label, probability] = answer.split('\n')[0]!.split('\t');
      expect(label).toBe(example.predicted);
      // Pillow and libvips do not resample alike to the last bit.
      expect(Math.abs(Number(probability) - example.probability)).toBeLessThan(0.05);
    }
  });
});

/** A Python with these packages, made once under bench/out; `GRAFT_TEST_PYTHON` names one that has them. */
async function pythonWith(packages: readonly string[]): Promise<string> {
  if (process.env.GRAFT_TEST_PYTHON) return process.env.GRAFT_TEST_PYTHON;
  const venv = join(import.meta.dirname, '../../../bench/out/card-venv');
  const python = join(venv, 'bin/python');
  const stamp = join(venv, '.installed');
  const wanted = packages.join(' ');
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === wanted) return python;
  execFileSync('python3', ['-m', 'venv', venv]);
  execFileSync(python, ['-m', 'pip', '-q', 'install', ...packages]);
  await writeFile(stamp, wanted);
  return python;
}
