import { describe, expect, it } from 'vitest';
import { differentiate, graphBuilder, standardRules, tensor } from '../../../../src/onnx/index.js';
import { boundaries } from '../../../support/gradients.js';
import { measure, run, type Value } from '../../../support/onnx.js';
import { convolutionCases } from './cases/convolution.js';
import { transposedConvolutionCases } from './cases/convolution-transposed.js';
import { curveCases } from './cases/curves.js';
import { einsumCases } from './cases/einsum.js';
import { headCases } from './cases/head.js';
import { networkCases } from './cases/more.js';
import { normalisationCases } from './cases/normalisation.js';
import { groupNormalisationCases } from './cases/normalisation-groups.js';
import { normCases } from './cases/norms.js';
import { poolingCases } from './cases/pooling.js';
import { rearrangeCases } from './cases/rearrange.js';
import { recurrentCases } from './cases/recurrent.js';
import { resampleCases } from './cases/resample.js';
import { scatterCases } from './cases/scatter.js';

/** Every family's cases: a rule without one fails here. */
const CASES = [
  ...curveCases,
  ...normCases,
  ...convolutionCases,
  ...einsumCases,
  ...groupNormalisationCases,
  ...headCases,
  ...networkCases,
  ...normalisationCases,
  ...poolingCases,
  ...rearrangeCases,
  ...recurrentCases,
  ...resampleCases,
  ...scatterCases,
  ...transposedConvolutionCases,
];

/** What image and text networks are made of. */
const EXPECTED = `Conv ConvTranspose Gemm MatMul Einsum
  BatchNormalization LayerNormalization InstanceNormalization GroupNormalization RMSNormalization LRN LpNormalization
  MaxPool AveragePool GlobalAveragePool GlobalMaxPool
  Relu LeakyRelu PRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Swish Mish Gelu Tanh Softplus Softsign Erf Clip Softmax
  LogSoftmax
  Add Sub Mul Div Neg Abs Pow Sqrt Reciprocal Exp Log Sin Cos Min Max Mean Sum Mod Where
  ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp CumSum
  Reshape Flatten Transpose Squeeze Unsqueeze Concat Split Slice Pad Expand Tile Gather GatherElements GatherND
  ScatterElements ScatterND DepthToSpace SpaceToDepth Resize Upsample Trilu Identity Cast Dropout
  LSTM GRU RNN`.split(/\s+/);

describe('the table of gradient rules', () => {
  it('has every operator that networks are made of, each with a case', () => {
    const tested = new Set(CASES.map((c) => c.op));
    const ruled = new Set(standardRules().operators());
    expect(EXPECTED.filter((op) => !ruled.has(op) || !tested.has(op))).toEqual([]);
  });

  it('every range of opsets is run at both ends', () => {
    const rules = standardRules();
    const missing = rules.operators().flatMap((op) => {
      if (op.includes(':') || /^(Random|Bernoulli)/.test(op)) return [];
      const run = new Set(CASES.filter((c) => c.op === op).flatMap(boundaries));
      return rules.ranges(op).flatMap(([from, to]) => [from, to].filter((v) => !run.has(v)).map((v) => `${op} ${v}`));
    });
    expect(missing).toEqual([]);
  });

  it('every operator that has a rule has a case', () => {
    const tested = new Set(CASES.map((c) => c.op));
    expect(
      standardRules()
        .operators()
        // Operators of our own have tests of their own; random ones have no differences.
        .filter((op) => !op.includes(':') && !/^(Random|Bernoulli)/.test(op) && !tested.has(op)),
    ).toEqual([]);
  });

  it('ties of a maximum share the gradient', async () => {
    const b = graphBuilder({ opset: 13 });
    const x = b.input('x', 'float32', [4]);
    b.output(b.op('ReduceMax', [x], { keepdims: 0 }), 'float32', []);
    const model = b.model();
    const loss = model.graph.outputs[0]?.name as string;
    const result = await run(differentiate(model, loss, ['x'], await measure(model)), {
      x: { dataType: 'float32', dims: [4], data: Float32Array.of(1, 3, 3, 0) },
    });
    expect([...(result['grad(x)'] as Value).data]).toEqual([0, 0.5, 0.5, 0]);
  });

  it('a dropout in training passes on what it kept, though the file does not name its mask', async () => {
    const b = graphBuilder({ opset: 13 });
    const x = b.input('x', 'float32', [64]);
    const y = b.op('Dropout', [x, b.constant(tensor('', 'float32', [], 0.25)), b.constant(tensor('', 'bool', [], 1))]);
    b.output(y, 'float32', [64]);
    const loss = b.output(b.op('ReduceSum', [y], { keepdims: 0 }), 'float32', []);
    const model = b.model();
    const data = new Float32Array(64).fill(3);
    const found = await run(differentiate(model, loss, ['x'], await measure(model)), {
      x: { dataType: 'float32', dims: [64], data },
    });
    const kept = [...(found[y] as Value).data].map((v) => Number(v) / 3);
    expect(new Set(kept.map((v) => v.toFixed(4)))).toEqual(new Set(['0.0000', '1.3333']));
    for (const [i, v] of [...(found['grad(x)'] as Value).data].entries())
      expect(Number(v)).toBeCloseTo(kept[i] as number, 5);
  });

  it('refuses an output that its rule does not know, rather than leave it out', async () => {
    const b = graphBuilder({ opset: 15 });
    const names = ['scale', 'bias', 'mean', 'variance'].map((name) => b.input(name, 'float32', [2]));
    const x = b.input('x', 'float32', [3, 2]);
    const [, mean] = b.ops('BatchNormalization', [x, ...names], { training_mode: 1 }, { outputs: 3 });
    const loss = b.output(b.op('ReduceSum', [mean as string], { keepdims: 0 }), 'float32', []);
    const model = b.model();
    const shapes = await measure(model);
    expect(() => differentiate(model, loss, ['x'], shapes)).toThrow(/by an output other than its first/);
  });
});
