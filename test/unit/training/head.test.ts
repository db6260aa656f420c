import { afterAll, describe, expect, it } from 'vitest';
import { random } from '../../../src/tasks/random.js';
import { onnxruntimeExecutor } from '../../../workers/executors/onnxruntime.js';
import { foldScale, type HeadData, scaleOf, standardise } from '../../../workers/training/head-data.js';
import { fitHead } from '../../../workers/training/head-fit.js';
import { search } from '../../../workers/training/head-search.js';
import { choose, crossEntropy } from '../../../workers/training/held-out.js';

const executor = onnxruntimeExecutor({ threads: 1 });
afterAll(() => executor.dispose());
const control = {
  stopped: () => false,
  breathe: async () => {},
  leaving: () => false,
  leave: () => Promise.reject(new Error('nobody asked to leave')),
};
const AUTO = {
  epochs: 'auto',
  learningRate: 'auto',
  batchSize: 'auto',
  weightDecay: 'auto',
  labelSmoothing: 0,
  seed: 1,
} as const;

/** Gaussian clouds around a centre per class, `noise` wide, on features of very different sizes. */
function clouds(n: number, width: number, classes: number, noise: number, seed = 1): HeadData {
  const next = random(seed);
  const gauss = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const centres = Array.from({ length: classes * width }, gauss);
  const features = new Float32Array(n * width);
  const labels = Int32Array.from({ length: n }, (_, i) => i % classes);
  for (let i = 0; i < n; i++)
    for (let d = 0; d < width; d++)
      features[i * width + d] = (centres[labels[i]! * width + d]! + noise * gauss()) * 10 ** ((d % 5) - 2) + d;
  const data = { features, labels, n, width, classes };
  standardise(data.features, scaleOf(data));
  return data;
}

/** The penalised loss and the largest component of its gradient, in double precision. */
function objective(data: HeadData, head: { weight: Float32Array; bias: Float32Array }, penalty: number) {
  const { n, width, classes, features, labels } = data;
  const gradient = Float64Array.from(head.weight, (w) => penalty * w);
  let loss = head.weight.reduce((sum, w) => sum + (penalty / 2) * w * w, 0);
  for (let i = 0; i < n; i++) {
    const logits = Float32Array.from(head.bias);
    for (let d = 0; d < width; d++)
      for (let c = 0; c < classes; c++) logits[c]! += features[i * width + d]! * head.weight[d * classes + c]!;
    loss += crossEntropy(logits, 0, classes, labels[i]!) / n;
    const p = Array.from(logits, (_, c) => Math.exp(-crossEntropy(logits, 0, classes, c)));
    for (let d = 0; d < width; d++)
      for (let c = 0; c < classes; c++)
        gradient[d * classes + c]! += ((p[c]! - (c === labels[i] ? 1 : 0)) * features[i * width + d]!) / n;
  }
  return { loss, steepest: Math.max(...gradient.map(Math.abs)) };
}

describe('training a head', () => {
  it('reaches the optimum of the penalised logistic regression', async () => {
    const data = clouds(90, 12, 3, 1.5);
    const o = { epochs: 600, learningRate: 0.02, batchSize: 90, weightDecay: 0.1, seed: 1, labelSmoothing: 0 };
    const head = await fitHead(executor, data, data, o, control, () => {});
    expect(objective(data, head, 0.1).steepest).toBeLessThan(1e-3);
  });

  it('gives the same bits for the same seed, other ones for another', async () => {
    const data = clouds(80, 10, 3, 2);
    const o = { epochs: 5, learningRate: 0.05, batchSize: 16, weightDecay: 0.01, labelSmoothing: 0.1 };
    const trained = (seed: number) => fitHead(executor, data, data, { ...o, seed }, control, () => {});
    const [a, b, c] = [await trained(1), await trained(1), await trained(2)];
    expect(b.weight).toEqual(a.weight);
    expect(b.bias).toEqual(a.bias);
    expect(c.weight).not.toEqual(a.weight);
  });

  it('folds the scaling of features into the head', () => {
    const raw = clouds(20, 4, 2, 1);
    for (let i = 0; i < raw.features.length; i++) raw.features[i] = raw.features[i]! * 7 + (i % 4);
    const scale = scaleOf(raw);
    const head = { weight: Float32Array.from({ length: 8 }, (_, i) => i / 4 - 1), bias: Float32Array.of(0.5, -0.5) };
    const folded = foldScale(head, scale);
    const scaled = standardise(raw.features.slice(), scale);
    for (let i = 0; i < raw.n; i++)
      for (let c = 0; c < 2; c++) {
        let before = head.bias[c]!;
        let after = folded.bias[c]!;
        for (let d = 0; d < 4; d++) {
          before += scaled[i * 4 + d]! * head.weight[d * 2 + c]!;
          after += raw.features[i * 4 + d]! * folded.weight[c * 4 + d]!;
        }
        expect(after).toBeCloseTo(before, 4);
      }
  });

  it('keeps apart a feature that never varies', () => {
    const data = { features: Float32Array.of(3, 1, 3, 2), labels: Int32Array.of(0, 1), n: 2, width: 2, classes: 2 };
    expect(scaleOf(data).deviation[0]).toBe(1);
    expect([...standardise(data.features, scaleOf(data))]).toEqual([0, -1, 0, 1]);
  });

  it('stops when told to, and says how far it came', async () => {
    const data = clouds(40, 5, 2, 1);
    let steps = 0;
    const stopping = { ...control, stopped: () => ++steps > 10 };
    const o = { epochs: 1000, learningRate: 0.01, batchSize: 40, weightDecay: 0, seed: 1, labelSmoothing: 0 };
    const { epochs } = await fitHead(executor, data, data, o, stopping, () => {});
    expect(epochs).toBeLessThan(12);
  });
});

describe('choosing hyperparameters', () => {
  it('penalises noise more than signal, and gives the same choice for the same seed', async () => {
    const signal = await search(executor, clouds(120, 20, 3, 0.3), AUTO, control);
    const noise = await search(executor, clouds(120, 20, 3, 12), AUTO, control);
    expect(noise.weightDecay).toBeGreaterThan(signal.weightDecay);
    expect(await search(executor, clouds(120, 20, 3, 12), AUTO, control)).toEqual(noise);
    expect(signal.heldOutLoss!).toBeLessThan(0.2);
  });

  it('leaves alone what the user gave', async () => {
    const given = { ...AUTO, epochs: 7, learningRate: 0.123, batchSize: 5, weightDecay: 0.5 };
    expect(await search(executor, clouds(40, 5, 2, 1), given, control)).toMatchObject({
      epochs: 7,
      learningRate: 0.123,
      batchSize: 5,
      weightDecay: 0.5,
      candidates: 0,
    });
    const part = await search(executor, clouds(40, 5, 2, 1), { ...AUTO, weightDecay: 0.03 }, control);
    expect(part.weightDecay).toBe(0.03);
    expect(part.candidates).toBeGreaterThan(0);
  });

  it('takes the strongest penalty within one standard error of the best, with its own number of steps', () => {
    const at = (penalty: number, steps: number, mean: number) => ({ penalty, steps, mean, standardError: 0.1 });
    const seen = [at(0.1, 10, 0.5), at(0.1, 20, 0.4), at(1, 10, 0.45), at(1, 20, 0.48), at(3, 10, 0.51)];
    expect(choose(seen)).toEqual(at(1, 10, 0.45));
    expect(choose([at(1, 1, Number.NaN)])).toBeNull();
    expect(choose([])).toBeNull();
  });

  it('judges drawn batches by what they end with when the rate has fallen', async () => {
    const data = clouds(1500, 40, 2, 12);
    const whole = await search(executor, data, AUTO, control);
    const drawn = await search(executor, data, { ...AUTO, batchSize: 32 }, control);
    expect(whole.batchSize).toBe(1500);
    expect(drawn.heldOutLoss! / whole.heldOutLoss!).toBeLessThan(1.02);
    expect(drawn.weightDecay / whole.weightDecay).toBeLessThan(4);
  });

  it('chooses on a share of many examples in bounded time', async () => {
    const many = clouds(20_000, 16, 4, 2);
    expect((await search(executor, many, AUTO, control)).batchSize).toBe(20_000);
    const found = await search(executor, many, { ...AUTO, batchSize: 256 }, control);
    expect(found.epochs).toBeGreaterThanOrEqual(5);
    expect(found.epochs).toBeLessThan(20);
    expect(found.weightDecay).toBeLessThan(1);
  }, 20_000);
});

describe('weights of classes', () => {
  it('move the border towards the class that counts less', async () => {
    const data = clouds(200, 2, 2, 1.5);
    const o = { epochs: 60, learningRate: 0.1, batchSize: 200, weightDecay: 0.01, seed: 1, labelSmoothing: 0 };
    const share = async (weights: Float64Array | null) => {
      const head = await fitHead(executor, { ...data, weights }, data, o, control, () => {});
      let first = 0;
      for (let i = 0; i < data.n; i++) {
        const logit = (c: number) =>
          head.bias[c]! + [0, 1].reduce((sum, d) => sum + data.features[i * 2 + d]! * head.weight[d * 2 + c]!, 0);
        if (logit(0) > logit(1)) first++;
      }
      return first / data.n;
    };
    const [even, heavy] = [await share(null), await share(Float64Array.of(1.8, 0.2))];
    expect(even).toBeGreaterThan(0.4);
    expect(even).toBeLessThan(0.6);
    expect(heavy).toBeGreaterThan(even + 0.05);
  });
});
