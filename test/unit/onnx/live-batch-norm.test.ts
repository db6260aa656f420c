import { describe, expect, it } from 'vitest';
import {
  differentiate,
  float,
  gradientName,
  graphBuilder,
  initializersAsInputs,
  liveBatchNorm,
  lowerLive,
  type Model,
  tensor,
} from '../../../src/onnx/index.js';
import { measure, random, randomValue, run, type Value } from '../../support/onnx.js';

const PARAMETERS = ['scale', 'bias'];
const DIMS = [4, 3, 2, 5];

/** loss = sum(weights * BatchNormalization(x)²), the input a parameter too. */
function network(): Model {
  const b = graphBuilder({ opset: 13 });
  const x = b.input('x', 'float32', DIMS);
  const values = (from: number) => Array.from({ length: 3 }, (_, i) => from + 0.3 * i);
  const args = [
    ['scale', 0.8],
    ['bias', -0.2],
    ['mean', 0.1],
    ['variance', 1.1],
  ].map(([name, from]) => b.initializer(name as string, tensor('', 'float32', [3], values(from as number))));
  const y = b.op('BatchNormalization', [x, ...args], { epsilon: float(1e-3) }, { outputs: ['y'] });
  const w = b.input('weights', 'float32', DIMS);
  const bent = b.op('Mul', [w, b.op('Mul', [y, y])]);
  b.output(b.op('ReduceSum', [bent], { keepdims: 0 }, { outputs: ['loss'] }), 'float32', []);
  return b.model();
}

/** The definition, in float64: y, and the batch's mean and (biased) variance of every channel. */
function reference(x: ArrayLike<number>, scale: ArrayLike<number>, bias: ArrayLike<number>) {
  const [n, c, h, w] = DIMS as [number, number, number, number];
  const y = new Float64Array(x.length);
  const mean = new Float64Array(c);
  const variance = new Float64Array(c);
  const places = h * w;
  for (let k = 0; k < c; k++) {
    const at: number[] = [];
    for (let i = 0; i < n; i++) for (let p = 0; p < places; p++) at.push((i * c + k) * places + p);
    mean[k] = at.reduce((s, i) => s + x[i]!, 0) / at.length;
    variance[k] = at.reduce((s, i) => s + (x[i]! - mean[k]!) ** 2, 0) / at.length;
    for (const i of at) y[i] = (scale[k]! * (x[i]! - mean[k]!)) / Math.sqrt(variance[k]! + 1e-3) + bias[k]!;
  }
  return { y, mean, variance };
}

describe('live batch statistics', () => {
  const next = random(5);
  const x = randomValue(DIMS, next);
  const weights = randomValue(DIMS, next);
  const three = (from: number): Value => ({
    dataType: 'float32',
    dims: [3],
    data: Float32Array.from([0, 1, 2], (i) => from + 0.3 * i),
  });
  const feeds = { x, weights, scale: three(0.8), bias: three(-0.2), mean: three(0.1), variance: three(1.1) };

  it('normalise by the batch, bring the running ones up to date, and have the gradient of finite differences', async () => {
    const given = network();
    const live = liveBatchNorm(given, await measure(given));
    expect(live.statistics.map((s) => s.input)).toEqual(['mean', 'variance']);
    const shapes = await measure(lowerLive(live.model, await measure(given)));
    const fed = initializersAsInputs(live.model, [...PARAMETERS, 'mean', 'variance']);
    const trained = lowerLive(differentiate(fed, 'loss', ['x', ...PARAMETERS], shapes), shapes);
    const found = await run(trained, feeds);

    const expected = reference(
      x.data as Float32Array,
      feeds.scale.data as Float32Array,
      feeds.bias.data as Float32Array,
    );
    const count = 40;
    for (let k = 0; k < 3; k++) {
      const old = { mean: 0.1 + 0.3 * k, variance: 1.1 + 0.3 * k };
      expect(Number(found['next(mean)']!.data[k])).toBeCloseTo(0.9 * old.mean + 0.1 * expected.mean[k]!, 5);
      const unbiased = (expected.variance[k]! * count) / (count - 1);
      expect(Number(found['next(variance)']!.data[k])).toBeCloseTo(0.9 * old.variance + 0.1 * unbiased, 5);
    }

    const lossOf = (values: Record<string, Float64Array>): number => {
      const { y } = reference(values.x!, values.scale!, values.bias!);
      return y.reduce((s, v, i) => s + Number(weights.data[i]) * v * v, 0);
    };
    const values = {
      x: Float64Array.from(x.data as Float32Array),
      scale: Float64Array.from(feeds.scale.data as Float32Array),
      bias: Float64Array.from(feeds.bias.data as Float32Array),
    };
    expect(Number(found.loss!.data[0])).toBeCloseTo(lossOf(values), 3);
    for (const name of ['x', 'scale', 'bias'] as const) {
      const data = values[name];
      for (let i = 0; i < data.length; i++) {
        const at = data[i]!;
        const losses = [1e-5, -1e-5].map((step) => {
          data[i] = at + step;
          return lossOf(values);
        });
        data[i] = at;
        const slope = (losses[0]! - losses[1]!) / 2e-5;
        expect(Math.abs(Number(found[gradientName(name)]!.data[i]) - slope)).toBeLessThan(
          1e-4 * Math.max(1, Math.abs(slope)),
        );
      }
    }
  });

  it('leaves a network without BatchNormalization as it is', async () => {
    const b = graphBuilder({ opset: 13 });
    b.output(b.op('Relu', [b.input('x', 'float32', [2, 2])]), 'float32', [2, 2]);
    const model = b.model();
    const live = liveBatchNorm(model, await measure(model));
    expect(live.statistics).toEqual([]);
    expect(live.model.graph.nodes).toEqual(model.graph.nodes);
  });
});
