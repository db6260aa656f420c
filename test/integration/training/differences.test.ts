import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import type { Model as ModelRecord } from '../../../src/domain/types.js';
import {
  consumers,
  decodeModel,
  decodeTensors,
  graphBuilder,
  type Model,
  type Tensor,
  tensor,
} from '../../../src/onnx/index.js';
import { modelExporter } from '../../../src/services/model-export.js';
import { changedKey } from '../../../src/services/model-files.js';
import { picture } from '../../support/pictures.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { fileOf, PREPROCESSING } from '../../support/predict.js';
import { type TrainingGround, trainingGround } from '../../support/training.js';

/** What is stored of a model is what its training changed of the base, and each tensor once, however many layers read it. */
const WIDTH = 16;
const numbers = (n: number, seed: number, by: number, from = 0) =>
  Array.from({ length: n }, (_, i) => from + by * Math.sin(i * 12.9898 + seed * 78.233));

/**
 * Four convolutions, of which the second and the third share a kernel, the third through an Identity, as exporters write it.
 * Either each is followed by its BatchNormalization, or that was folded into kernel and bias.
 */
function tiedNet(batchNorm: boolean): Uint8Array {
  const b = graphBuilder({ opset: 13, name: 'tied' });
  const kernel = (name: string, from: number, seed: number) =>
    b.initializer(name, tensor('', 'float32', [WIDTH, from, 3, 3], numbers(WIDTH * from * 9, seed, 0.15)));
  const vector = (name: string, by: number, from: number) =>
    b.initializer(name, tensor('', 'float32', [WIDTH], numbers(WIDTH, name.length, by, from)));
  let x = b.input('image', 'float32', ['N', 3, PREPROCESSING.crop, PREPROCESSING.crop]);
  const shared = kernel('shared', WIDTH, 2);
  const kernels = [kernel('first', 3, 1), shared, b.op('Identity', [shared]), kernel('last', WIDTH, 3)];
  for (const [i, weight] of kernels.entries()) {
    const bias = vector(`bias${i}`, 0.1, 0);
    const convolved = b.op('Conv', batchNorm ? [x, weight] : [x, weight, bias], {
      pads: [1, 1, 1, 1],
      strides: i < 2 ? [2, 2] : [1, 1],
    });
    const [scale, mean, variance] = ['scale', 'mean', 'variance'].map((name) => `${name}${i}`);
    const normal = () => [vector(scale!, 0.2, 1), bias, vector(mean!, 0.1, 0), vector(variance!, 0.3, 1)];
    x = b.op('Relu', [batchNorm ? b.op('BatchNormalization', [convolved, ...normal()]) : convolved]);
  }
  const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [x])], { axis: 1 }, { outputs: ['features'] });
  b.output(pooled, 'float32', ['N', WIDTH]);
  return fileOf(b.model());
}

describe.each([true, false])('of a base whose BatchNormalization is its own (%s)', (batchNorm) => {
  let db: TestDatabase;
  let ground: TrainingGround;
  const base = tiedNet(batchNorm);
  const before = decodeModel(base).graph.initializers;
  beforeAll(async () => {
    await build();
    db = await testDatabase();
    const pictures = Array.from({ length: 48 }, async (_, i) => {
      const colour: [number, number, number] = i % 2 === 0 ? [180, 110, 60] : [60, 90, 150];
      return {
        path: `${i}.png`,
        label: i % 2 === 0 ? 'warm' : 'cold',
        split: null,
        bytes: await picture(i, { format: 'png', colour }),
      };
    });
    ground = await trainingGround(db, {
      pictures: await Promise.all(pictures),
      base,
      cut: { tensor: 'features', features: WIDTH },
      preprocessing: PREPROCESSING,
    });
  });
  afterAll(async () => {
    await ground?.close();
    await db?.close();
  });

  async function tuned(layers: 'all' | number, statistics: 'live' | 'frozen') {
    const hyperparameters = { epochs: 2, batchSize: 16, learningRate: 0.01, batchNorm: statistics };
    const { id, projectId } = await ground.job({ method: { type: 'fineTuning', layers }, hyperparameters });
    await ground.train(id);
    const job = (await ground.repos.jobs.byId(id))!;
    expect(job.error).toBeNull();
    const model = (await ground.repos.models.find(projectId, job.modelId!))!;
    expect(model.certificate.maxDifference).toBeLessThanOrEqual(1e-4);
    const stored = await ground.stores.artifacts.read(changedKey(model)!);
    return { stored, changed: decodeTensors(stored), exported: await exportedOf(model) };
  }
  async function exportedOf(model: ModelRecord): Promise<Model> {
    const { repos: repositories, stores } = ground;
    return decodeModel(Buffer.concat(await modelExporter({ repositories, artifacts: stores.artifacts })(model)));
  }
  const same = (a: Tensor | undefined, b: Tensor | undefined) => Buffer.compare(a!.data, b!.data) === 0;
  const named = (...kinds: string[]) => kinds.flatMap((kind) => [0, 1, 2, 3].map((i) => `${kind}${i}`));
  const norms = batchNorm ? ['scale'] : [];

  it('all layers: each trained tensor once, and nothing else', async () => {
    const { stored, changed, exported } = await tuned('all', 'live');
    const statistics = batchNorm ? named('mean', 'variance') : [];
    const expected = ['first', 'shared', 'last', ...named('bias', ...norms), ...statistics];
    expect([...changed.keys()].sort()).toEqual(expected.sort());
    for (const [name, now] of changed) expect(same(now, before.get(name)), name).toBe(false);
    const bytes = [...changed.values()].reduce((sum, { data }) => sum + data.length, 0);
    expect(stored.length - bytes).toBeLessThan(100 * changed.size);
    for (const [name, now] of changed) expect(same(exported.graph.initializers.get(name), now), name).toBe(true);
  });

  it('the kernel that two layers share stays one tensor in the exported file', async () => {
    const { changed, exported } = await tuned('all', 'live');
    const { graph } = exported;
    const kernels = [...graph.initializers.values()].filter(({ dims }) => dims.join() === `${WIDTH},${WIDTH},3,3`);
    expect(kernels.map(({ name }) => name).sort()).toEqual(['last', 'shared']);
    const readers = consumers(graph);
    const convolutions = (name: string): number =>
      (readers.get(name) ?? []).reduce(
        (sum, node) => sum + (node.opType === 'Conv' ? 1 : convolutions(node.outputs[0]!)),
        0,
      );
    expect(convolutions('shared')).toBe(2);
    expect(same(graph.initializers.get('shared'), changed.get('shared'))).toBe(true);
  });

  it('with frozen statistics these are not stored', async () => {
    const { changed } = await tuned('all', 'frozen');
    expect([...changed.keys()].sort()).toEqual(['first', 'shared', 'last', ...named('bias', ...norms)].sort());
  });

  it('the last layers: a shared kernel belongs to the first that reads it, and is left alone above', async () => {
    const { changed, exported } = await tuned(2, 'frozen');
    const own = [2, 3].flatMap((i) => ['bias', ...norms].map((kind) => `${kind}${i}`));
    expect([...changed.keys()].sort()).toEqual(['last', ...own].sort());
    for (const [name, old] of before)
      if (!changed.has(name)) expect(same(exported.graph.initializers.get(name), old), name).toBe(true);
  });
});
