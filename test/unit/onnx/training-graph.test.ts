import { describe, expect, it } from 'vitest';
import {
  adamW,
  differentiate,
  float,
  type GraphBuilder,
  graphBuilder,
  initializersAsInputs,
  linearHead,
  type Model,
  nextName,
  OnnxError,
  sgd,
  softmaxCrossEntropy,
  tensor,
} from '../../../src/onnx/index.js';
import { measure, random, randomValue, run, type Value } from '../../support/onnx.js';

const N = 6;
const FEATURES = 5;
const CLASSES = 3;
const PARAMETERS = ['head.weight', 'head.bias'];

/** A head with its loss; parameters are inputs. */
function withLoss(
  opset: number,
  o: { smoothing?: number; weighted?: boolean } = {},
): { model: Model; b: GraphBuilder } {
  const head = linearHead({ features: FEATURES, classes: CLASSES, opset });
  const b = graphBuilder({ from: initializersAsInputs(head, PARAMETERS) });
  const labels = b.input('labels', 'int64', ['N']);
  const sampleWeight = o.weighted ? b.input('weights', 'float32', ['N']) : undefined;
  const loss = softmaxCrossEntropy(b, 'logits', labels, {
    classes: CLASSES,
    labelSmoothing: o.smoothing ?? 0,
    ...(sampleWeight ? { sampleWeight } : {}),
  });
  b.output(loss, 'float32', []);
  return { model: b.model(), b };
}

function feeds(seed: number): Record<string, Value> {
  const next = random(seed);
  return {
    features: randomValue([N, FEATURES], next),
    'head.weight': randomValue([CLASSES, FEATURES], next),
    'head.bias': randomValue([CLASSES], next),
    labels: { dataType: 'int64', dims: [N], data: BigInt64Array.from({ length: N }, (_, i) => BigInt(i % CLASSES)) },
    weights: { dataType: 'float32', dims: [N], data: Float32Array.from({ length: N }, (_, i) => i + 1) },
  };
}
const only = (f: Record<string, Value>, model: Model): Record<string, Value> =>
  Object.fromEntries(model.graph.inputs.map((v) => [v.name, f[v.name] as Value]));

/** Loss and gradient of the weight, written out. */
function reference(f: Record<string, Value>, smoothing: number, weighted: boolean): { loss: number; weight: number[] } {
  const at = (name: string, i: number): number => Number((f[name] as Value).data[i]);
  const total = weighted ? Array.from({ length: N }, (_, n) => at('weights', n)).reduce((a, b) => a + b) : N;
  const weight = new Array<number>(CLASSES * FEATURES).fill(0);
  let loss = 0;
  for (let n = 0; n < N; n++) {
    const z = Array.from({ length: CLASSES }, (_, c) => {
      let sum = at('head.bias', c);
      for (let k = 0; k < FEATURES; k++) sum += at('features', n * FEATURES + k) * at('head.weight', c * FEATURES + k);
      return sum;
    });
    const norm = Math.log(z.map(Math.exp).reduce((a, b) => a + b));
    const share = (weighted ? at('weights', n) : 1) / total;
    for (let c = 0; c < CLASSES; c++) {
      const target = (at('labels', n) === c ? 1 - smoothing : 0) + smoothing / CLASSES;
      loss -= share * target * ((z[c] as number) - norm);
      const slope = share * (Math.exp((z[c] as number) - norm) - target);
      for (let k = 0; k < FEATURES; k++)
        weight[c * FEATURES + k] = (weight[c * FEATURES + k] as number) + slope * at('features', n * FEATURES + k);
    }
  }
  return { loss, weight };
}

describe('softmax cross-entropy', () => {
  for (const opset of [9, 12, 13, 18, 26])
    for (const [smoothing, weighted] of [
      [0, false],
      [0.1, false],
      [0.2, true],
    ] as const)
      it(`loss and gradient, opset ${opset}, smoothing ${smoothing}, weighted ${weighted}`, async () => {
        const { model } = withLoss(opset, { smoothing, weighted });
        const f = feeds(opset);
        const trained = differentiate(model, 'loss', PARAMETERS, await measure(model, N));
        const found = await run(trained, only(f, trained));
        const wanted = reference(f, smoothing, weighted);
        expect(Number(found.loss?.data[0])).toBeCloseTo(wanted.loss, 5);
        const gradient = found['grad(head.weight)'] as Value;
        wanted.weight.forEach((w, i) => {
          expect(Number(gradient.data[i])).toBeCloseTo(w, 5);
        });
      });

  it('refuses a smoothing of 1', () => {
    expect(() => withLoss(13, { smoothing: 1 })).toThrow(/labelSmoothing is 1/);
  });
});

describe('optimizer steps', () => {
  it('AdamW follows the published update, decay decoupled and only where asked', async () => {
    const b = graphBuilder({ opset: 13 });
    const [p, g] = [b.input('p', 'float32', [2]), b.input('g', 'float32', [2])];
    const [q, h] = [b.input('q', 'float32', [1]), b.input('h', 'float32', [1])];
    const state = adamW(
      b,
      [
        { name: p, gradient: g, dims: [2] },
        { name: q, gradient: h, dims: [1], decay: false },
      ],
      { weightDecay: 0.1 },
    );
    expect(state.scalars).toEqual(['learning_rate', 'bias_correction1', 'bias_correction2']);
    const model = b.model();
    const value = (...numbers: number[]): Value => ({
      dataType: 'float32',
      dims: [numbers.length],
      data: Float32Array.from(numbers),
    });
    const scalar = (x: number): Value => ({ dataType: 'float32', dims: [], data: Float32Array.of(x) });
    let feed: Record<string, Value> = { p: value(1, -2), q: value(3) };
    for (const m of state.moments) feed[m.input] = value(...new Array<number>(m.dims[0] as number).fill(0));
    const [x, m, v] = [
      [1, -2, 3],
      [0, 0, 0],
      [0, 0, 0],
    ];
    for (let t = 1; t <= 5; t++) {
      const gradients = [Math.sin(t), Math.cos(t), 0.5 - t];
      const out = await run(model, {
        ...feed,
        g: value(...gradients.slice(0, 2)),
        h: value(gradients[2] as number),
        learning_rate: scalar(0.05),
        bias_correction1: scalar(1 - 0.9 ** t),
        bias_correction2: scalar(1 - 0.999 ** t),
      });
      gradients.forEach((gi, i) => {
        m[i] = 0.9 * (m[i] as number) + 0.1 * gi;
        v[i] = 0.999 * (v[i] as number) + 0.001 * gi * gi;
        const decay = i < 2 ? 1 - 0.05 * 0.1 : 1;
        x[i] =
          (x[i] as number) * decay -
          (0.05 * (m[i] as number)) / (1 - 0.9 ** t) / (Math.sqrt((v[i] as number) / (1 - 0.999 ** t)) + 1e-8);
      });
      feed = Object.fromEntries([...state.parameters, ...state.moments].map((s) => [s.input, out[s.output] as Value]));
    }
    expect(Number(feed.p?.data[0])).toBeCloseTo(x[0] as number, 5);
    expect(Number(feed.p?.data[1])).toBeCloseTo(x[1] as number, 5);
    expect(Number(feed.q?.data[0])).toBeCloseTo(x[2] as number, 5);
  });

  it('SGD with momentum trains a head until it separates its data', async () => {
    const { model } = withLoss(17);
    const f = feeds(3);
    const trained = differentiate(model, 'loss', PARAMETERS, await measure(model, N));
    const b = graphBuilder({ from: trained, keepOutputs: ['loss'] });
    const dims = { 'head.weight': [CLASSES, FEATURES], 'head.bias': [CLASSES] } as const;
    const state = sgd(
      b,
      PARAMETERS.map((name) => ({ name, gradient: `grad(${name})`, dims: dims[name as 'head.bias'] })),
      { momentum: 0.9 },
    );
    const step = b.model();
    let feed: Record<string, Value> = {
      ...only(f, model),
      learning_rate: { dataType: 'float32', dims: [], data: Float32Array.of(0.2) },
    };
    for (const s of state.moments)
      feed[s.input] = {
        dataType: 'float32',
        dims: s.dims,
        data: new Float32Array(s.dims.reduce((a, c) => a * c, 1)),
      };
    let first = 0;
    let last = 0;
    for (let t = 0; t < 60; t++) {
      const out = await run(step, feed);
      last = Number(out.loss?.data[0]);
      if (t === 0) first = last;
      feed = {
        ...feed,
        ...Object.fromEntries([...state.parameters, ...state.moments].map((s) => [s.input, out[s.output] as Value])),
      };
    }
    expect(last).toBeLessThan(first / 4);
    expect(state.parameters.map((s) => s.output)).toEqual(PARAMETERS.map(nextName));
  });
});

describe('differentiate', () => {
  it('adds up what a parameter used twice gets, through shared and through initializers', async () => {
    const b = graphBuilder({ opset: 13 });
    const w = b.initializer('w', tensor('', 'float32', [2], [3, 5]));
    const unused = b.initializer('unused', tensor('', 'float32', [40], 1));
    const x = b.input('x', 'float32', [2]);
    const y = b.op('Add', [b.op('Mul', [w, w]), b.op('Mul', [w, x])]);
    b.output(b.op('ReduceSum', [y], { keepdims: 0 }, { outputs: ['loss'] }), 'float32', []);
    const model = b.model();
    const trained = differentiate(model, 'loss', [w, unused, x], await measure(model));
    const out = await run(trained, { x: { dataType: 'float32', dims: [2], data: Float32Array.of(10, 20) } });
    expect([...(out['grad(w)'] as Value).data]).toEqual([16, 30]);
    expect([...(out['grad(x)'] as Value).data]).toEqual([3, 5]);
    expect((out['grad(unused)'] as Value).data.every((v) => v === 0)).toBe(true);
    expect(model.graph.outputs).toHaveLength(1);
  });

  it('follows the mask of a Dropout that trains', async () => {
    const b = graphBuilder({ opset: 13 });
    const x = b.input('x', 'float32', [200]);
    const [y, mask] = b.ops(
      'Dropout',
      [x, b.constant(tensor('', 'float32', [], 0.25)), b.constant(tensor('', 'bool', [], 1))],
      { seed: 7 },
      { outputs: 2 },
    );
    b.output(mask as string, 'bool', [200]);
    b.output(b.op('ReduceSum', [y as string], { keepdims: 0 }, { outputs: ['loss'] }), 'float32', []);
    const model = b.model();
    const out = await run(differentiate(model, 'loss', ['x'], await measure(model)), {
      x: randomValue([200], random(1)),
    });
    const kept = out[mask as string] as Value;
    (out['grad(x)'] as Value).data.forEach((g, i) => {
      expect(Number(g)).toBeCloseTo(kept.data[i] ? 1 / 0.75 : 0, 6);
    });
    expect(kept.data.some((k) => !k)).toBe(true);
  });

  it('names the operator, its node and the opset where there is no rule', async () => {
    const b = graphBuilder({ opset: 13 });
    const x = b.input('x', 'float32', [1, 2, 2]);
    const y = b.op('Det', [x], {}, { name: 'volume' });
    b.output(b.op('ReduceSum', [y], { keepdims: 0 }, { outputs: ['loss'] }), 'float32', []);
    const model = b.model();
    const shapes = await measure(model);
    expect(() => differentiate(model, 'loss', ['x'], shapes)).toThrow(
      /operator-not-differentiable: Det \(opset 13, node 'volume'\)/,
    );
  });

  it('refuses an opset beyond the tested ones, a loss that is no number, an unknown parameter', async () => {
    const b = graphBuilder({ opset: 13 });
    const x = b.input('x', 'float32', [4]);
    b.output(b.op('Relu', [x], {}, { outputs: ['y'] }), 'float32', [4]);
    const model = b.model();
    const shapes = await measure(model);
    const code = (f: () => unknown): string | undefined => {
      try {
        f();
      } catch (error) {
        return error instanceof OnnxError ? error.code : String(error);
      }
      return undefined;
    };
    expect(code(() => differentiate(model, 'y', ['x'], shapes))).toBe('invalid-argument');
    expect(code(() => differentiate(model, 'y', ['z'], shapes))).toBe('unknown-tensor');
    const scalar = graphBuilder({ opset: 99 });
    scalar.output(
      scalar.op('LeakyRelu', [scalar.input('x', 'float32', [])], { alpha: float(0.1) }, { outputs: ['y'] }),
      'float32',
      [],
    );
    const one = { dataType: 'float32', dims: [] } as const;
    expect(
      code(() =>
        differentiate(
          scalar.model(),
          'y',
          ['x'],
          new Map([
            ['x', one],
            ['y', one],
          ]),
        ),
      ),
    ).toBe('operator-not-differentiable');
  });
});
