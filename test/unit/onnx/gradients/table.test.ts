import { describe, expect, it } from 'vitest';
import { differentiate, graphBuilder, standardRules } from '../../../../src/onnx/index.js';
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

describe('the table of gradient rules', () => {
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
});
