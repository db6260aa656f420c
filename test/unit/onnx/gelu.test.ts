import { describe, expect, it } from 'vitest';
import {
  differentiate,
  fuseGelu,
  type GraphBuilder,
  gradientName,
  graphBuilder,
  lowerGelu,
  type Model,
  tensor,
} from '../../../src/onnx/index.js';
import { measure, random, randomValue, run } from '../../support/onnx.js';

const DIMS = [3, 4, 5];
type Form = (b: GraphBuilder, x: string, n: (value: number) => string) => string;

const erfOf = (b: GraphBuilder, x: string, n: (value: number) => string): string =>
  b.op('Add', [n(1), b.op('Erf', [b.op('Div', [x, n(Math.SQRT2)])])]);
/** As exporters write it. */
const FORMS: readonly (readonly [string, number, Form])[] = [
  ['halved at the end', 11, (b, x, n) => b.op('Mul', [b.op('Mul', [x, erfOf(b, x, n)]), n(0.5)])],
  ['halved before the product', 13, (b, x, n) => b.op('Mul', [x, b.op('Mul', [erfOf(b, x, n), n(0.5)])])],
  ['of a halved input', 17, (b, x, n) => b.op('Mul', [b.op('Mul', [n(0.5), x]), erfOf(b, x, n)])],
  [
    'scaled by a product, halved by a quotient',
    17,
    (b, x, n) => {
      const e = b.op('Erf', [b.op('Mul', [n(Math.SQRT1_2), x])]);
      return b.op('Div', [b.op('Mul', [b.op('Add', [e, n(1)]), x]), n(2)]);
    },
  ],
  ['one operator', 20, (b, x) => b.op('Gelu', [x])],
];
/** What looks like it and is not, or is read from elsewhere. */
const OTHERS: readonly (readonly [string, number, Form])[] = [
  ['another scale', 17, (b, x, n) => b.op('Mul', [b.op('Mul', [x, erfOf(b, b.op('Mul', [x, n(2)]), n)]), n(0.5)])],
  ['not halved', 17, (b, x, n) => b.op('Mul', [b.op('Mul', [x, erfOf(b, x, n)]), n(0.6)])],
  [
    'the product with another tensor',
    17,
    (b, x, n) => b.op('Mul', [b.op('Abs', [x]), b.op('Mul', [erfOf(b, x, n), n(0.5)])]),
  ],
  [
    'a part that is read twice',
    17,
    (b, x, n) => {
      const e = erfOf(b, x, n);
      return b.op('Add', [b.op('Mul', [b.op('Mul', [x, e]), n(0.5)]), e]);
    },
  ],
  ['the form by tanh', 20, (b, x) => b.op('Gelu', [x], { approximate: 'tanh' })],
];

function network(opset: number, form: Form): Model {
  const b = graphBuilder({ opset });
  const x = b.input('x', 'float32', DIMS);
  const number = (value: number) => b.constant(tensor('', 'float32', [], value));
  const weighted = b.op('Mul', [b.input('weights', 'float32', DIMS), form(b, x, number)]);
  b.output(b.op('ReduceSum', [weighted], { keepdims: 0 }, { outputs: ['loss'] }), 'float32', []);
  return b.model();
}
const count = ({ graph }: Model, opType: string): number => graph.nodes.filter((n) => n.opType === opType).length;

describe('Gaussian error linear units', () => {
  const next = random(11);
  const feeds = { x: randomValue(DIMS, next), weights: randomValue(DIMS, next) };

  it.each(FORMS)('are one node with its slope, the same values and gradients: %s', async (_, opset, form) => {
    const given = network(opset, form);
    const shapes = await measure(given);
    const fused = fuseGelu(given, shapes);
    expect(fused.model.graph.nodes.filter((n) => n.domain === 'graft').map((n) => n.opType)).toEqual(['Gelu']);
    expect(count(fused.model, 'Erf')).toBe(0);
    const lowered = lowerGelu(differentiate(fused.model, 'loss', ['x'], fused.shapes));
    expect(lowered.opsets.has('graft')).toBe(false);
    const standard = differentiate(given, 'loss', ['x'], shapes);
    const [found, expected] = [await run(lowered, feeds), await run(standard, feeds)];
    for (const name of ['loss', gradientName('x')])
      for (const [i, value] of [...(found[name]!.data as Float32Array)].entries())
        expect(value, `${name} ${i}`).toBeCloseTo(Number(expected[name]!.data[i]), 5);
    if (opset < 20) expect(lowered.graph.nodes.length).toBeLessThan(standard.graph.nodes.length);
  });

  it.each(OTHERS)('stay as they are where they are something else: %s', async (_, opset, form) => {
    const given = network(opset, form);
    const shapes = await measure(given);
    expect(fuseGelu(given, shapes)).toEqual({ model: given, shapes });
  });

  it('leave out the slope that nobody reads', async () => {
    const given = network(...(FORMS[0]!.slice(1) as [number, Form]));
    const lowered = lowerGelu(fuseGelu(given, await measure(given)).model);
    expect(count(lowered, 'Exp')).toBe(0);
    const [found, expected] = [await run(lowered, feeds), await run(given, feeds)];
    expect(Number(found.loss!.data[0])).toBeCloseTo(Number(expected.loss!.data[0]), 4);
  });
});
