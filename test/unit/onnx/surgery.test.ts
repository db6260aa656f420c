import { describe, expect, it } from 'vitest';
import {
  cut,
  featureTrunk,
  graft,
  graphBuilder,
  initializersAsInputs,
  linearHead,
  type Model,
  OnnxError,
  tensor,
  withDynamicBatch,
  withInitializers,
} from '../../../src/onnx/index.js';
import { hasData, maxDifference, random, randomValue, readModel, run, type Value } from '../../support/onnx.js';

const failure = (f: () => unknown): OnnxError => {
  try {
    f();
  } catch (error) {
    if (error instanceof OnnxError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

/** x -> Relu -> Neg, and a branch that a cut leaves away. */
function small(opset = 13): Model {
  const b = graphBuilder({ opset });
  const x = b.input('x', 'float32', ['N', 2]);
  const unused = b.input('mask', 'float32', ['N', 2]);
  const w = b.initializer('w', tensor('', 'float32', [2], [2, 3]));
  const features = b.op('Mul', [x, w], {}, { outputs: ['features'] });
  b.output(
    b.op(
      'Add',
      [features, b.op('Mul', [unused, b.initializer('u', tensor('', 'float32', [2], 1))])],
      {},
      { outputs: ['logits'] },
    ),
    'float32',
    ['N', 2],
  );
  return b.model();
}

describe('cut', () => {
  it('keeps only what the tensor needs', () => {
    const trunk = cut(small(), 'features');
    expect(trunk.graph.nodes.map((n) => n.opType)).toEqual(['Mul']);
    expect(trunk.graph.inputs.map((v) => v.name)).toEqual(['x']);
    expect([...trunk.graph.initializers.keys()]).toEqual(['w']);
    expect(trunk.graph.outputs.map((v) => v.name)).toEqual(['features']);
  });
  it('names close tensors where there is none of the name, and says what an input is', () => {
    const error = failure(() => cut(small(), 'featurs'));
    expect(error.code).toBe('unknown-tensor');
    expect(error.detail).toContain("Close to it: 'features'");
    expect(failure(() => cut(small(), 'x')).code).toBe('invalid-argument');
  });
});

describe('graft', () => {
  const x: Value = { dataType: 'float32', dims: [1, 2], data: Float32Array.of(1, 10) };
  const head = (opset: number): Model =>
    linearHead({
      features: 2,
      classes: 2,
      opset,
      weight: Float32Array.of(1, 0, 1, 1),
      bias: Float32Array.of(0.5, 0),
      probabilities: true,
    });

  it('runs trunk and head as one', async () => {
    const whole = graft(cut(small(), 'features'), head(13), { from: 'features', to: 'features' });
    expect(whole.graph.inputs.map((v) => v.name)).toEqual(['x']);
    const out = await run(whole, { x });
    expect([...(out.logits as Value).data]).toEqual([2.5, 32]);
    expect(Object.keys(out)).toEqual(['logits', 'probabilities']);
  });

  it('renames an intermediate of the trunk, and a name of the head that meets a parameter of the trunk', async () => {
    const trunk = cut(small(), 'logits');
    const whole = graft(trunk, head(13), { from: 'logits', to: 'features' });
    expect(whole.graph.outputs.map((v) => v.name)).toEqual(['logits', 'probabilities']);
    expect(whole.graph.initializers.has('head.weight')).toBe(true);
    const zero: Value = { dataType: 'float32', dims: [1, 2], data: new Float32Array(2) };
    expect([...((await run(whole, { x, mask: zero })).logits as Value).data]).toEqual([2.5, 32]);

    const b = graphBuilder({ opset: 13 });
    b.output(
      b.op(
        'Mul',
        [b.input('in', 'float32', [1, 2]), b.initializer('w', tensor('', 'float32', [2], 100))],
        {},
        { outputs: ['out'] },
      ),
      'float32',
      [1, 2],
    );
    const both = graft(cut(small(), 'features'), b.model(), { from: 'features', to: 'in' });
    expect([...both.graph.initializers.keys()]).toEqual(['w', 'w_1']);
    expect([...((await run(both, { x })).out as Value).data]).toEqual([200, 3000]);
  });

  it('keeps an initializer that both have in common as one', () => {
    const b = graphBuilder({ opset: 13 });
    b.output(
      b.op('Mul', [b.input('in', 'float32', [1, 2]), b.initializer('w', tensor('', 'float32', [2], [2, 3]))]),
      'float32',
      [1, 2],
    );
    const both = graft(cut(small(), 'features'), b.model(), { from: 'features', to: 'in' });
    expect([...both.graph.initializers.keys()]).toEqual(['w']);
    expect(both.graph.nodes.filter((n) => n.inputs.includes('w'))).toHaveLength(2);
  });

  it('aligns opsets where nothing changed between them, and names what did', () => {
    expect(
      graft(cut(small(9), 'features'), linearHead({ features: 2, classes: 2, opset: 17 }), {
        from: 'features',
        to: 'features',
      }).opsets.get(''),
    ).toBe(17);
    const b = graphBuilder({ opset: 12 });
    b.output(b.op('Softmax', [b.input('x', 'float32', [1, 2])], {}, { outputs: ['features'] }), 'float32', [1, 2]);
    const error = failure(() => graft(b.model(), head(17), { from: 'features', to: 'features' }));
    expect(error.code).toBe('opset-incompatible');
    expect(error.detail).toContain('Softmax');
  });

  it('refuses tensors that are not there', () => {
    expect(failure(() => graft(small(), head(13), { from: 'nope', to: 'features' })).code).toBe('unknown-tensor');
    expect(failure(() => graft(small(), head(13), { from: 'features', to: 'nope' })).detail).toContain("'features'");
  });
});

describe('parameters', () => {
  it('become inputs, or get other data of the same size', async () => {
    const trunk = cut(small(), 'features');
    const fed = initializersAsInputs(trunk, ['w']);
    const x: Value = { dataType: 'float32', dims: [1, 2], data: Float32Array.of(1, 10) };
    const w: Value = { dataType: 'float32', dims: [2], data: Float32Array.of(7, 8) };
    expect([...((await run(fed, { x, w })).features as Value).data]).toEqual([7, 80]);
    const changed = withInitializers(trunk, new Map([['w', tensor('w', 'float32', [2], [7, 8])]]));
    expect([...((await run(changed, { x })).features as Value).data]).toEqual([7, 80]);
    expect(failure(() => withInitializers(trunk, new Map([['w', tensor('w', 'float32', [3], 0)]]))).code).toBe(
      'invalid-argument',
    );
  });
});

describe.runIf(hasData('models'))('real models', () => {
  const image = randomValue([2, 3, 224, 224], random(5));
  const at = (v: Value, i: number): number => Number(v.data[i]);

  it('MobileNetV2: the same features through cut and featureTrunk, and the head computes its product', async () => {
    const model = readModel('models/mobilenetv2-1.0-imagenet-backbone.onnx');
    const features = (await run(model, { input: image })).features as Value;
    const pooled = featureTrunk(model, { tensor: 'clip_97', features: 1280 });
    const blind = featureTrunk(model, { tensor: 'clip_97' });
    for (const trunk of [pooled, blind]) {
      const out = await run(trunk, { input: image });
      expect(maxDifference(Object.values(out)[0] as Value, features)).toBeLessThan(1e-5);
    }
    const next = random(9);
    const weight = randomValue([3, 1280], next).data as Float32Array;
    const bias = Float32Array.of(1, 2, 3);
    const trunk = featureTrunk(model, { tensor: 'features', features: 1280 });
    const whole = graft(trunk, linearHead({ features: 1280, classes: 3, opset: 13, weight, bias }), {
      from: trunk.graph.outputs[0]?.name as string,
      to: 'features',
    });
    const logits = (await run(whole, { input: image })).logits as Value;
    expect(logits.dims).toEqual([2, 3]);
    for (let n = 0; n < 2; n++)
      for (let c = 0; c < 3; c++) {
        let sum = bias[c] as number;
        for (let k = 0; k < 1280; k++) sum += at(features, n * 1280 + k) * (weight[c * 1280 + k] as number);
        expect(at(logits, n * 3 + c)).toBeCloseTo(sum, 3);
      }
  });

  it('SqueezeNet: its map of 512 channels is averaged, the classifier is gone', async () => {
    const model = readModel('models/squeezenet1.1-imagenet-fp32.onnx');
    const trunk = featureTrunk(model, { tensor: 'concat_61', features: 512 });
    expect(trunk.graph.initializers.has('conv25.weight')).toBe(false);
    const map = (await run(cut(model, 'concat_61'), { data: image })).concat_61 as Value;
    const out = Object.values(await run(trunk, { data: image }))[0] as Value;
    expect(out.dims).toEqual([2, 512]);
    const places = (map.dims[2] as number) * (map.dims[3] as number);
    for (const channel of [0, 77, 1023]) {
      let mean = 0;
      for (let i = 0; i < places; i++) mean += at(map, channel * places + i) / places;
      expect(at(out, channel)).toBeCloseTo(mean, 4);
    }
  });

  it('a model fixed to one example runs with two once freed', async () => {
    const model = withDynamicBatch(featureTrunk(readModel('models/yolox_nano_416_opset11.onnx'), { tensor: '857' }));
    const out = Object.values(await run(model, { images: randomValue([2, 3, 416, 416], random(2)) }))[0] as Value;
    expect(out.dims[0]).toBe(2);
  });
});
