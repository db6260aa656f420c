import { afterAll, describe, expect, it } from 'vitest';
import {
  type BaseDescription,
  describe as describeBase,
  examine,
  inferenceForm,
  inputShapes,
  type Model,
  measureShapes,
  parameterLayers,
  withDynamicBatch,
} from '../../../src/onnx/index.js';
import { imageTrunk } from '../../../src/tasks/image-classification/compose.js';
import { channelsOf, withPixelInput } from '../../../src/tasks/image-classification/pixel-input.js';
import { onnxruntimeExecutor } from '../../../workers/executors/onnxruntime.js';
import { tuneGraphs } from '../../../workers/training/fine-tune/graphs.js';
import { trainedLayers } from '../../../workers/training/fine-tune/trained.js';
import { tuner } from '../../../workers/training/fine-tune/trainer.js';
import { directionErrors } from '../../support/directions.js';
import { withLoss } from '../../support/networks.js';
import { hasData, random, randomValue, readData, run, shapeRunner, type Value, zerosOf } from '../../support/onnx.js';
import { lossesOf, PLAIN } from '../../support/tuning.js';

/** Published networks with their trained weights, at full size. */
const executor = onnxruntimeExecutor({ threads: 2 });
afterAll(() => executor.dispose());
const BATCH = 2;

async function checked(name: string): Promise<{ model: Model; described: BaseDescription }> {
  const { model, problems } = examine(readData(`models/${name}`));
  expect(problems).toEqual([]);
  const still = inferenceForm(model!);
  const shapes = await measureShapes(still, inputShapes(still, { batch: BATCH }), shapeRunner);
  return { model: model!, described: describeBase(still, { shapes }) };
}

describe.runIf(hasData('models'))('published image models', () => {
  it.each<readonly [string, number]>([
    ['squeezenet1.1-imagenet-fp32.onnx', 25],
    ['squeezenet1.1-imagenet-fp16-opset7.onnx', 25],
    ['mobilenetv2-1.0-imagenet-backbone.onnx', 52],
    ['mobilenetv2-1.0-imagenet-backbone-bn.onnx', 53],
    ['mobilenetv1-0.25-imagenet.onnx', 27],
    ['resnet8-cifar10.onnx', 9],
    ['yolox_nano_416_opset11.onnx', 40],
  ])('%s: described, and three steps of fine-tuning at full size', async (name, layers) => {
    const { model, described } = await checked(name);
    expect(described.tasks).toEqual(['image-classification']);
    expect(described.training).toEqual({ supported: true, unsupportedOperators: [] });
    const cut = described.cuts.find((c) => c.default)!;
    const preprocessing = described.preprocessing!;
    const own = withDynamicBatch(imageTrunk(model, cut.tensor));
    const trained = trainedLayers(own, 'all');
    expect(trained.names).toHaveLength(layers);
    const graphs = await tuneGraphs(executor, {
      trunk: withPixelInput(own, own.graph.inputs[0]!.name, preprocessing),
      classes: 2,
      head: { weight: new Float32Array(2 * cut.features), bias: new Float32Array(2) },
      parameters: trained.parameters.map((p) => ({ ...p, rate: 1 })),
      batch: BATCH,
      ...PLAIN,
      keepFrozen: false,
    });
    const net = await tuner(executor, graphs);
    try {
      const { crop } = preprocessing;
      const next = random(8);
      const data = Uint8Array.from({ length: BATCH * crop * crop * channelsOf(preprocessing) }, () => next() * 256);
      const targets = Float32Array.of(0.5, 0, 0, 0.5);
      const losses = await lossesOf(net, { data, targets }, { steps: 3, rate: 1e-5 });
      // With a head that knows nothing.
      expect(losses[0]).toBeCloseTo(Math.LN2, 4);
      expect(losses[2]!).toBeLessThan(losses[0]!);
    } finally {
      await net.dispose();
    }
  });

  it('a quantised one cannot be trained and says by which operators; its features are still offered', async () => {
    const { model, described } = await checked('shufflenet-v2-12-int8.onnx');
    expect(described.training.supported).toBe(false);
    expect(described.training.unsupportedOperators).toContain('QLinearConv');
    expect(described.tasks).toEqual(['image-classification']);
    const cut = described.cuts.find((c) => c.default)!;
    const trunk = imageTrunk(model, cut.tensor);
    const image = randomValue([1, 3, 224, 224], random(9));
    const rows = Object.values(await run(trunk, { [trunk.graph.inputs[0]!.name]: image }))[0]!;
    expect(rows.dims).toEqual([1, cut.features]);
    expect([...(rows.data as Float32Array)].every(Number.isFinite)).toBe(true);
    expect(() => trainedLayers(trunk, 'all')).toThrow(/quantised weights cannot/);
  });
});

describe.runIf(hasData('models'))('gradients of published networks along random directions', () => {
  const whole = (dims: readonly number[], dataType: 'int32' | 'int64', of: () => number): Value => {
    const value = zerosOf(dataType, dims);
    for (let i = 0; i < value.data.length; i++) value.data[i] = (dataType === 'int64' ? BigInt(of()) : of()) as never;
    return value;
  };
  const below = (most: number) => {
    const next = random(11);
    return () => Math.floor(next() * most);
  };
  const tokens: Readonly<Record<string, () => number>> = { input_ids: below(30_000), attention_mask: () => 1 };
  it.each<readonly [string, number, (name: string, dims: readonly number[]) => Value]>([
    ['magika_standard_v3_3.onnx', 3, (_, dims) => whole(dims, 'int32', below(256))],
    // 22 million parameters: one direction is enough to wait for.
    ['minilm-l6-v2/onnx/model.onnx', 1, (name, dims) => whole(dims, 'int64', tokens[name] ?? (() => 0))],
  ])('%s', async (name, directions, feed) => {
    const { model, problems } = examine(readData(`models/${name}`));
    expect(problems).toEqual([]);
    const inputs = inputShapes(model!, { batch: BATCH });
    const feeds = Object.fromEntries([...inputs].map(([input, { dims }]) => [input, feed(input, dims)]));
    const shapes = await measureShapes(model!, inputs, shapeRunner);
    const parameters = parameterLayers(model!.graph).flatMap((layer) => layer.parameters);
    expect(parameters.length).toBeGreaterThanOrEqual(10);
    const graph = withLoss({ model: model!, shapes });
    const errors = await directionErrors(graph, 'loss', parameters, feeds, { directions });
    expect(errors).toHaveLength(directions);
    for (const error of errors) expect(error).toBeLessThan(2e-2);
  });
});
