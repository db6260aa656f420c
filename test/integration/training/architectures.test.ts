import { afterAll, expect, it } from 'vitest';
import {
  decodeModel,
  describe,
  graphBuilder,
  inferenceForm,
  type Model,
  measureShapes,
  type Tensor,
  tensor,
  withDynamicBatch,
} from '../../../src/onnx/index.js';
import { composeModel, imageTrunk, pixelTrunk } from '../../../src/tasks/image-classification/compose.js';
import { withPixelInput } from '../../../src/tasks/image-classification/pixel-input.js';
import { textTrunk } from '../../../src/tasks/text-classification/compose.js';
import { onnxruntimeExecutor } from '../../../workers/executors/onnxruntime.js';
import { headFile } from '../../../workers/training/extraction.js';
import { tuneGraphs } from '../../../workers/training/fine-tune/graphs.js';
import { trainedLayers } from '../../../workers/training/fine-tune/trained.js';
import { tuner } from '../../../workers/training/fine-tune/trainer.js';
import { errorOf, network } from '../../support/networks.js';
import { random, run, shapeRunner, type Value } from '../../support/onnx.js';
import { lossesOf, PLAIN } from '../../support/tuning.js';

/**
 * One network of each family, as both exporters of PyTorch write it, and Keras networks as tf2onnx converts them, goes from its description through feature extraction and fine-tuning
 * to its exported file; see test/fixtures/networks.py for the files.
 */
const CLASSES = 3;
const BATCH = 4;
const executor = onnxruntimeExecutor({ threads: 2 });
afterAll(() => executor.dispose());

/** Pictures of one bright channel each, by class. */
function pictures(side: number): { readonly pixels: Uint8Array; readonly targets: Float32Array } {
  const next = random(3);
  const pixels = Uint8Array.from({ length: BATCH * side * side * 3 }, (_, i) => {
    const label = Math.floor(i / (side * side * 3)) % CLASSES;
    return Math.floor(next() * 90) + (i % 3 === label ? 150 : 20);
  });
  const targets = new Float32Array(BATCH * CLASSES);
  for (let n = 0; n < BATCH; n++) targets[n * CLASSES + (n % CLASSES)] = 1 / BATCH;
  return { pixels, targets };
}

/** float32 input as the pixel graph prepares it, for the exported file. */
async function prepared(pixels: Uint8Array, model: Model, preprocessing: Preparation): Promise<Value> {
  const [input] = model.graph.inputs;
  const { crop } = preprocessing;
  const only = { ...model.graph, nodes: [], initializers: new Map(), outputs: [input!] };
  const graph = withPixelInput({ ...model, graph: only }, input!.name, preprocessing);
  const fed = {
    ...graph,
    graph: { ...graph.graph, outputs: [{ ...input!, name: graph.graph.nodes.at(-1)!.outputs[0]! }] },
  };
  return Object.values(
    await run(fed, { pixels: { dataType: 'uint8', dims: [BATCH, crop, crop, 3], data: pixels } }),
  )[0]!;
}
const preprocessingOf = (crop: number, layout: 'NCHW' | 'NHWC' = 'NCHW') =>
  ({ resize: crop, crop, layout, channels: 'RGB', scale: 1 / 255, mean: [0.5], std: [0.25] }) as const;
type Preparation = ReturnType<typeof preprocessingOf>;

interface Expected {
  readonly cut: string;
  readonly layers: number;
  readonly layout?: 'NHWC';
}
const FAMILIES: Readonly<Record<string, Expected>> = {
  convnext: { cut: 'pooled', layers: 15 },
  densenet: { cut: 'pooled', layers: 15 },
  efficientnet_b0: { cut: 'pooled', layers: 51 },
  inception_v3: { cut: 'pooled', layers: 94 },
  shufflenet_v2: { cut: 'pooled', layers: 56 },
  swin: { cut: 'pooled', layers: 18 },
  vit: { cut: 'token', layers: 9 },
  vit_hub: { cut: 'tokens', layers: 13 },
};

async function goes(name: string, expected: Expected, layers: 'all' | number): Promise<void> {
  const { model: base, feeds, fixture } = await network(name);
  const [image] = Object.values(feeds);
  const { layout = 'NCHW' } = expected;
  const side = image!.dims[2]!;
  const still = inferenceForm(base);
  const shapes = await measureShapes(still, new Map(Object.entries(feeds)), shapeRunner);
  const described = describe(still, { shapes });
  expect(described.tasks).toEqual(['image-classification']);
  expect(described.training).toEqual({ supported: true, unsupportedOperators: [] });
  expect(described.imageInput).toMatchObject({ layout, width: side, height: side, channels: 3 });
  const cut = described.cuts.find((c) => c.default)!;
  expect(cut.kind).toBe(expected.cut);
  if (fixture.features) expect(described.classifier!.classes).toBe(5);
  for (const other of described.cuts) {
    const rows = Object.values(await run(imageTrunk(base, other.tensor), feeds))[0]!;
    expect(rows.dims, other.tensor).toEqual([image!.dims[0], other.features]);
  }
  if (fixture.features) {
    const rows = Object.values(await run(imageTrunk(base, cut.tensor), feeds))[0]!;
    expect(rows.dims).toEqual(fixture.features.dims);
    expect(errorOf(Array.from(rows.data as Float32Array), fixture.features, 0)).toBeLessThan(1e-5);
  }
  const preprocessing = preprocessingOf(side, layout);
  const { pixels, targets } = pictures(side);
  const trunk = pixelTrunk(base, cut.tensor, preprocessing);
  const own = imageTrunk(base, cut.tensor);
  expect(trainedLayers(own, 'all').names).toHaveLength(expected.layers);
  const trained = trainedLayers(own, layers);
  const graphs = await tuneGraphs(executor, {
    trunk,
    classes: CLASSES,
    head: { weight: new Float32Array(CLASSES * cut.features), bias: new Float32Array(CLASSES) },
    parameters: trained.parameters.map((p) => ({ ...p, rate: 1 })),
    batch: BATCH,
    ...PLAIN,
    keepFrozen: layers !== 'all',
  });
  const data = graphs.below === null ? pixels : await frozenRows(graphs.below.model, pixels, side);
  const net = await tuner(executor, graphs);
  try {
    const losses = await lossesOf(net, { data, targets }, { steps: 5, rate: 0.0003 });
    expect(losses[0]).toBeCloseTo(Math.log(CLASSES), 4);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! - 1e-4);
    const logits = await net.logits(data);
    const tensors = new Map<string, Tensor>(net.tensors(await net.weights('trained')).map((t) => [t.name, t]));
    const [weight, bias] = graphs.head.map((n) => new Float32Array(tensors.get(n)!.data.buffer.slice(0)));
    const head = headFile({ weight: weight!, bias: bias! });
    for (const n of graphs.head) tensors.delete(n);
    const labels = ['a', 'b', 'c'];
    // The file that anyone downloads: base, head and changed tensors put together.
    const exported = composeModel(base, decodeModel(head), { cut: cut.tensor, labels, preprocessing }, tensors);
    const input = await prepared(pixels, base, preprocessing);
    const said = (await run(exported, { [exported.graph.inputs[0]!.name]: input })).logits!;
    for (const [i, logit] of logits.entries()) expect(Math.abs(Number(said.data[i]) - logit)).toBeLessThan(1e-4);
  } finally {
    await net.dispose();
  }
}

/** The frozen part runs on any number of pictures: here on one at a time. */
async function frozenRows(below: Model, pixels: Uint8Array, side: number): Promise<Float32Array> {
  const one = side * side * 3;
  const rows: number[] = [];
  for (let n = 0; n < BATCH; n++) {
    const part = pixels.slice(n * one, (n + 1) * one);
    const out = await run(below, { pixels: { dataType: 'uint8', dims: [1, side, side, 3], data: part } });
    rows.push(...(Object.values(out)[0]!.data as Float32Array));
  }
  return Float32Array.from(rows);
}

const KERAS: Readonly<Record<string, Expected>> = {
  keras_efficientnet_b0: { cut: 'pooled', layers: 52, layout: 'NHWC' },
  keras_mobilenet_v2: { cut: 'pooled', layers: 52, layout: 'NHWC' },
  keras_resnet50_v2: { cut: 'pooled', layers: 22, layout: 'NHWC' },
};
for (const [name, expected] of Object.entries(KERAS)) it(`${name}: all layers`, () => goes(name, expected, 'all'));

it('keras_bert: a base of texts', async () => {
  const { model, feeds, shapes } = await network('keras_bert');
  const described = describe(model, { shapes });
  expect(described.tasks).toEqual(['text-classification']);
  expect(described.training).toEqual({ supported: true, unsupportedOperators: [] });
  const cut = described.cuts.find((c) => c.default)!;
  expect(cut).toMatchObject({ kind: 'tokens', features: 32 });
  const text = {
    inputs: { ids: 'input_ids', mask: 'attention_mask', types: 'token_type_ids' },
    padId: 0,
    maxLength: 24,
  };
  const rows = Object.values(
    await run(textTrunk(model, cut.tensor, { ...text, vocabulary: 50, pooling: 'mean' }), feeds),
  )[0]!;
  expect(rows.dims).toEqual([2, 32]);
});

for (const [family, expected] of Object.entries(FAMILIES))
  for (const name of [family, `${family}-new`])
    it.each(['all', 2] as const)(`${name}: layers %s`, (layers) => goes(name, expected, layers));

it.each<readonly [string, Expected]>([
  ['resnet18-training', { cut: 'pooled', layers: 20 }],
  ['efficientnet_b0-training', { cut: 'pooled', layers: 51 }],
  ['vit-spelled', { cut: 'token', layers: 9 }],
])('%s: exported while it trained, or for an old opset', (name, expected) => goes(name, expected, 'all'));

it('a MaxPool behind a Pad of zeros sees them, below zero too', async () => {
  const b = graphBuilder({ opset: 17 });
  const pads = b.constant(tensor('', 'int64', [8], [0, 0, 1, 1, 0, 0, 1, 1]));
  const padded = b.op('Pad', [b.input('x', 'float32', [1, 1, 4, 4]), pads]);
  b.output(
    b.op('MaxPool', [padded], { kernel_shape: [3, 3], strides: [2, 2] }, { outputs: ['y'] }),
    'float32',
    [1, 1, 2, 2],
  );
  const program = await executor.compile(b.model());
  const x = { dataType: 'float32', dims: [1, 1, 4, 4], data: new Float32Array(16).fill(-1) } as const;
  expect([...((await program.run({ x }, ['y'])).y!.data as Float32Array)]).toEqual([0, 0, 0, -1]);
  await program.dispose();
});

it('a file whose number of examples cannot be freed is refused in words', async () => {
  const b = graphBuilder({ opset: 13 });
  const image = b.input('image', 'float32', [1, 3, 8, 8]);
  const kernel = b.initializer('kernel', tensor('', 'float32', [6, 3, 4, 4], 0.1));
  const ints = (values: readonly number[]) => b.constant(tensor('', 'int64', [values.length], values));
  const flat = b.op('Reshape', [b.op('Conv', [image, kernel], { strides: [4, 4] }), ints([1, 6, 4])]);
  const token = b.initializer('token', tensor('', 'float32', [1, 1, 6], 0.1));
  // The token is there once, whatever the number of pictures.
  const tokens = b.op('Concat', [token, b.op('Transpose', [flat], { perm: [0, 2, 1] })], { axis: 1 });
  b.output(b.op('ReduceMean', [tokens], { axes: [1], keepdims: 0 }, { outputs: ['features'] }), 'float32', [1, 6]);
  const own = withDynamicBatch(imageTrunk(b.model(), 'features'));
  const refused = tuneGraphs(executor, {
    trunk: withPixelInput(own, 'image', preprocessingOf(8)),
    classes: CLASSES,
    head: { weight: new Float32Array(CLASSES * 6), bias: new Float32Array(CLASSES) },
    parameters: [{ name: 'kernel', rate: 1, depth: 0 }],
    batch: BATCH,
    ...PLAIN,
    keepFrozen: false,
  });
  await expect(refused).rejects.toMatchObject({
    code: 'job-impossible',
    detail: expect.stringMatching(/cannot be run with 4 examples at a time.*dynamic batch axis/s),
  });
});
