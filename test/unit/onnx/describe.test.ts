import { readdirSync } from 'node:fs';
import { expect, it, describe as suite } from 'vitest';
import {
  type BaseDescription,
  check,
  describe,
  examine,
  featureTrunk,
  graphBuilder,
  inputShapes,
  type Model,
  measureShapes,
  sniff,
  tensor,
} from '../../../src/onnx/index.js';
import {
  dataPath,
  hasData,
  MODELS,
  measure,
  random,
  randomValue,
  readData,
  readModel,
  run,
  shapeRunner,
  type Value,
  zerosOf,
} from '../../support/onnx.js';

const described = async (name: string): Promise<{ model: Model; d: BaseDescription }> => {
  const model = readModel(`models/${name}`);
  return { model, d: describe(model, { shapes: await measure(model) }) };
};
const best = (d: BaseDescription): unknown => {
  const { tensor: name, kind, features } = d.cuts.find((c) => c.default) ?? { tensor: '', kind: '', features: 0 };
  return [name, kind, features];
};
const IMAGENET = {
  resize: 256,
  crop: 224,
  layout: 'NCHW',
  channels: 'RGB',
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

suite.runIf(hasData('models'))('describe: real models', () => {
  const wanted: Record<string, { cut: unknown; classes: number | null; tasks: readonly string[] }> = {
    'mobilenetv2-1.0-imagenet-backbone.onnx': {
      cut: ['features', 'pooled', 1280],
      classes: null,
      tasks: ['image-classification'],
    },
    'mobilenetv2-1.0-imagenet-backbone-bn.onnx': {
      cut: ['features', 'pooled', 1280],
      classes: null,
      tasks: ['image-classification'],
    },
    'mobilenetv1-0.25-imagenet.onnx': {
      cut: ['globalaveragepool_86', 'pooled', 256],
      classes: 1000,
      tasks: ['image-classification'],
    },
    'squeezenet1.1-imagenet-fp32.onnx': {
      cut: ['concat_61', 'map', 512],
      classes: 1000,
      tasks: ['image-classification'],
    },
    'squeezenet1.1-imagenet-fp16-opset7.onnx': {
      cut: ['fire9/concat_1', 'map', 512],
      classes: 1000,
      tasks: ['image-classification'],
    },
    'resnet8-cifar10.onnx': { cut: ['flatten_28', 'pooled', 64], classes: 10, tasks: ['image-classification'] },
    'shufflenet-v2-12-int8.onnx': { cut: ['611', 'pooled', 1024], classes: 1000, tasks: ['image-classification'] },
    'yolox_nano_416_opset11.onnx': { cut: ['857', 'map', 512], classes: null, tasks: ['image-classification'] },
    'ultraface_RFB-320_bn.onnx': { cut: ['434', 'map', 256], classes: null, tasks: [] },
    'magika_standard_v3_3.onnx': { cut: ['target_label', 'hidden', 214], classes: null, tasks: [] },
    'minilm-l6-v2/onnx/model.onnx': {
      cut: ['last_hidden_state', 'tokens', 384],
      classes: null,
      tasks: ['text-classification'],
    },
    'char-lstm-en-fr/encoder_model.onnx': { cut: ['state_h', 'hidden', 256], classes: null, tasks: [] },
    'char-lstm-en-fr/decoder_model.onnx': { cut: ['logits', 'tokens', 108], classes: null, tasks: [] },
  };
  for (const name of MODELS)
    it(`${name}: default cut, classifier, and every cut gives one row per example`, async () => {
      const { model, d } = await described(name);
      expect(check(model)).toEqual([]);
      expect({ cut: best(d), classes: d.classifier?.classes ?? null, tasks: d.tasks }).toEqual(wanted[name]);
      expect(d.cuts.filter((c) => c.default)).toHaveLength(1);
      for (const c of d.cuts) {
        const trunk = featureTrunk(model, c);
        const feeds: Record<string, Value> = {};
        for (const [input, { dataType, dims }] of inputShapes(trunk, { batch: 2 }))
          feeds[input] = dataType === 'float32' ? randomValue(dims, random(1)) : zerosOf(dataType, dims);
        const out = Object.values(await run(trunk, feeds))[0] as Value;
        expect(out.dims, c.tensor).toEqual([d.batch ?? 2, c.features]);
      }
    });

  it('reads preprocessing out of the metadata', async () => {
    expect((await described('squeezenet1.1-imagenet-fp32.onnx')).d).toMatchObject({
      preprocessing: IMAGENET,
      preprocessingSource: 'metadata',
      license: 'Apache-2.0',
    });
    const mobile = (await described('mobilenetv1-0.25-imagenet.onnx')).d;
    expect(mobile.preprocessing).toMatchObject({ scale: 1 / 127.5, mean: [1, 1, 1], std: [1, 1, 1], crop: 224 });
    const cifar = (await described('resnet8-cifar10.onnx')).d;
    expect(cifar.preprocessing).toMatchObject({ scale: 1, mean: [0, 0, 0], std: [1, 1, 1], resize: 32, crop: 32 });
    const shuffle = (await described('shufflenet-v2-12-int8.onnx')).d;
    expect(shuffle).toMatchObject({ preprocessing: IMAGENET, preprocessingSource: 'assumed', batch: 1 });
    expect(shuffle.notes.join()).toMatch(/quantised/);
  });

  it("reads a hub's preprocessor_config.json", async () => {
    const model = { ...readModel('models/squeezenet1.1-imagenet-fp32.onnx'), metadata: new Map<string, string>() };
    const preprocessorConfig = {
      do_resize: true,
      size: { shortest_edge: 240 },
      do_rescale: true,
      rescale_factor: 1 / 255,
      do_normalize: true,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
    };
    const d = describe(model, { shapes: await measure(model), preprocessorConfig });
    expect(d).toMatchObject({
      preprocessingSource: 'preprocessor_config',
      preprocessing: { resize: 240, crop: 224, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    });
  });

  it('says which operators stand in the way of training', async () => {
    const { d } = await described('resnet8-cifar10.onnx');
    for (const operator of d.training.unsupportedOperators)
      expect(operator).toMatch(/^(AveragePool|BatchNormalization|Conv)$/);
    expect(d.training.supported).toBe(d.training.unsupportedOperators.length === 0);
    expect(d.parameters).toBe(78186);
  });
});

/** Convolution, pooling, two fully connected layers: VGG in small. */
async function vgg(tail: 'none' | 'softmax'): Promise<BaseDescription> {
  const b = graphBuilder({ opset: 13 });
  const x = b.input('image', 'float32', ['batch', 3, 'h', 'w']);
  const weights = (name: string, dims: readonly number[]): string =>
    b.initializer(name, tensor('', 'float32', dims, 0.01));
  const map = b.op(
    'Relu',
    [b.op('Conv', [x, weights('c.weight', [8, 3, 3, 3])], { strides: [32, 32], pads: [1, 1, 1, 1] })],
    {},
    { outputs: ['map'] },
  );
  const flat = b.op('Flatten', [map], {}, { outputs: ['flat'] });
  const hidden = b.op(
    'Relu',
    [b.op('Gemm', [flat, weights('fc1', [16, 392])], { transB: 1 })],
    {},
    { outputs: ['hidden'] },
  );
  const dropped = b.op('Dropout', [hidden]);
  const product = b.op('MatMul', [dropped, weights('fc2', [16, 5])]);
  const logits = b.op('Add', [product, weights('fc2.bias', [5])], {}, { outputs: ['scores'] });
  b.output(tail === 'softmax' ? b.op('Softmax', [logits], { axis: -1 }) : logits, 'float32', ['batch', 5]);
  const model = b.model();
  return describe(model, { shapes: await measureShapes(model, inputShapes(model, { batch: 2 }), shapeRunner) });
}

suite('describe: structures', () => {
  for (const tail of ['none', 'softmax'] as const)
    it(`fully connected layers, dropout, MatMul + Add, tail ${tail}; image size from the run`, async () => {
      const d = await vgg(tail);
      expect(d.imageInput).toMatchObject({ name: 'image', height: 224, width: 224, channels: 3 });
      expect(d.cuts.map((c) => [c.tensor, c.kind, c.features])).toEqual([
        ['hidden', 'hidden', 16],
        ['flat', 'flattened', 392],
        ['map', 'map', 8],
        ['scores', 'logits', 5],
      ]);
      expect(d.classifier).toMatchObject({ found: true, classes: 5 });
      expect(d.parameters).toBe(8 * 27 + 16 * 392 + 16 * 5 + 5);
    });
});

suite('describe: networks that prepare pixels themselves', () => {
  type Step = readonly [operator: string, numbers: readonly number[]];
  async function prepared(steps: readonly Step[], twice = false): Promise<BaseDescription> {
    const b = graphBuilder({ opset: 13 });
    let x = b.input('image', 'float32', ['batch', 32, 32, 3]);
    const given = x;
    for (const [i, [operator, numbers]] of steps.entries()) {
      const constant = tensor('', 'float32', numbers.length === 1 ? [] : [1, 1, 1, 3], numbers);
      x = b.op(operator, [x, b.initializer(`by${i}`, constant)]);
    }
    if (twice) b.output(b.op('Relu', [given]), 'float32', ['batch', 32, 32, 3]);
    const weight = b.initializer('w', tensor('', 'float32', [8, 3, 3, 3], 0.01));
    const map = b.op('Relu', [b.op('Conv', [b.op('Transpose', [x], { perm: [0, 3, 1, 2] }), weight])]);
    b.output(b.op('Flatten', [b.op('GlobalAveragePool', [map])]), 'float32', ['batch', 8]);
    const model = b.model();
    return describe(model, { shapes: await measureShapes(model, inputShapes(model, { batch: 2 }), shapeRunner) });
  }
  const [MEAN, STD] = [IMAGENET.mean, IMAGENET.std];
  const rescaled: readonly Step[] = [['Mul', [1 / 255]]];
  const cases: readonly [what: string, steps: readonly Step[], scale: number][] = [
    ['Rescaling and Normalization', [...rescaled, ['Sub', MEAN], ['Div', STD]], 1],
    [
      'to -1 and 1',
      [
        ['Div', [127.5]],
        ['Sub', [1]],
      ],
      1,
    ],
    ['to 0 and 1', rescaled, 1],
    ['the mean colour off', [['Sub', [123.68, 116.779, 103.939]]], 1],
    [
      'of 0 to 1, normalised',
      [
        ['Add', MEAN.map((x) => -x)],
        ['Mul', STD.map((x) => 1 / x)],
      ],
      1 / 255,
    ],
  ];
  for (const [what, steps, scale] of cases)
    it(what, async () => {
      const { preprocessing, preprocessingSource } = await prepared(steps);
      expect(preprocessing).toMatchObject({ scale, mean: [0, 0, 0], std: [1, 1, 1], layout: 'NHWC' });
      expect(preprocessingSource).toBe('graph');
    });
  it('is assumed where the arithmetic is no preparation, or the pixels are read beside it', async () => {
    const others: readonly (readonly Step[])[] = [
      [],
      [['Mul', [0.7, 1.3, 0.9]]],
      [['Add', [0.1]]],
      [['Mul', [1 / 65535]]],
    ];
    for (const steps of others) expect((await prepared(steps)).preprocessingSource).toBe('assumed');
    expect((await prepared(rescaled, true)).preprocessingSource).toBe('assumed');
  });
});

suite.runIf(hasData('broken-models'))('check: files that people saved as .onnx', () => {
  const wanted: Record<string, string> = {
    'customvision-2018-opset1-zipmap-pcb-aoi.onnx':
      'opset-unsupported custom-operator operator-unknown value-not-tensor',
    'html-page-2-named-mobilenetv2-7.onnx': 'html-page',
    'html-page-named-mobilenetv2-7.onnx': 'html-page',
    'lfs-pointer.onnx': 'lfs-pointer',
    'mnist-cntk-opset1-no-ort-kernel.onnx': 'opset-unsupported',
    'smollm3-graph-external-data-missing.onnx': 'external-data-missing',
    'smollm3-quantized-external-data-missing.onnx': 'external-data-missing',
    'squeezenet-custom-op-Debug.onnx': 'operator-unknown',
    'truncated-minilm-2.7MB-of-23MB.onnx': 'truncated',
    'winml-mnist-imagescaler-zipmap.onnx': 'operator-unknown value-not-tensor',
  };
  for (const name of readdirSync(dataPath('broken-models')))
    it(name, () => {
      const { problems } = examine(readData(`broken-models/${name}`));
      expect(new Set(problems.map((p) => p.code))).toEqual(new Set((wanted[name] ?? 'unexpected file').split(' ')));
      for (const p of problems) expect(p.detail.length).toBeGreaterThan(30);
    });
});

suite('check: by construction', () => {
  const codes = (model: Model): string[] => check(model).map((p) => p.code);
  const relu = (opset: number): Model => {
    const b = graphBuilder({ opset });
    b.output(b.op('Relu', [b.input('x', 'float32', [1])]), 'float32', [1]);
    return b.model();
  };
  it('closed ranges of opsets', () => {
    expect(codes(relu(13))).toEqual([]);
    expect(codes(relu(6))).toEqual(['opset-unsupported']);
    expect(codes(relu(27))).toEqual(['opset-unsupported']);
    expect(codes({ ...relu(13), irVersion: 99 })).toEqual(['format-too-new']);
  });
  it('operators before their time, of unknown domains, and tensors from nowhere', () => {
    const b = graphBuilder({ opset: 13 });
    const x = b.input('x', 'float32', [1]);
    b.op('Gelu', [x]);
    b.op('Mine', [x], {}, { domain: 'org.example' });
    b.output(b.op('Add', [x, 'nowhere']), 'float32', [1]);
    expect(codes(b.model())).toEqual(['operator-unsupported', 'custom-operator', 'graph-broken']);
  });
  it('inputs that cannot be fed', () => {
    const b = graphBuilder({ opset: 13 });
    const model = relu(13);
    expect(
      codes({ ...model, graph: { ...model.graph, inputs: [{ name: 'x', dataType: 'float32', shape: null }] } }),
    ).toEqual(['input-shape-unknown']);
    b.output(b.op('Identity', [b.input('x', 'float64', [1])]), 'float64', [1]);
    expect(codes(b.model())).toEqual(['input-type-unsupported']);
  });
  it('recognises other files by their content', () => {
    const of = (...head: (string | number)[]): Uint8Array =>
      Buffer.concat(head.map((h) => (typeof h === 'string' ? Buffer.from(h) : Buffer.of(h))));
    const what = (bytes: Uint8Array): string => sniff(bytes)?.detail ?? 'maybe a model';
    expect(what(of())).toMatch(/empty/);
    expect(what(of('PK', 3, 4, 'rest'))).toMatch(/zip archive/);
    expect(what(of(0x89, 'HDF\r\n'))).toMatch(/HDF5/);
    expect(what(of(0, 0, 0, 0, 'TFL3'))).toMatch(/TensorFlow Lite/);
    expect(what(of('just some words in a file, no more'))).toMatch(/text file/);
    expect(what(of('\ufeff  <!DOCTYPE html>'))).toMatch(/web page/);
    expect(what(of(8, 7, 0x12))).toBe('maybe a model');
  });
});
