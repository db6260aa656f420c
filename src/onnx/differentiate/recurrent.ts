import { floatAttribute, intAttribute, stringAttribute, stringsAttribute } from '../attributes.js';
import { cast, constant, reduceSum, reshape, slice, zeros } from '../emit.js';
import { OnnxError } from '../error.js';
import { NEWEST_OPSET } from '../opsets.js';
import { tensor } from '../tensor.js';
import { range } from './axes.js';
import { type Cell, type CellGradients, type Direction, summedProduct } from './recurrent-cell.js';
import { gruCell, rnnCell } from './recurrent-cells.js';
import { lstmCell } from './recurrent-lstm.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

function refused(c: RuleContext, what: string): OnnxError {
  return new OnnxError(
    'operator-not-differentiable',
    `${c.node.opType} '${c.node.name}' (opset ${c.opset}) ${what}, which has no gradient rule; layers below it cannot be trained.`,
  );
}

/** Whether each direction runs from the last step to the first. */
function directions(c: RuleContext): readonly boolean[] {
  const way = stringAttribute(c.node, 'direction', 'forward');
  return way === 'bidirectional' ? [false, true] : [way === 'reverse'];
}

/** Refuses what would change the formulas; answers the activations of each direction, in lower case. */
function settings(c: RuleContext, usual: readonly string[], known: readonly string[]): readonly (readonly string[])[] {
  if (floatAttribute(c.node, 'clip', 0) > 0) throw refused(c, 'clips its gates');
  if (intAttribute(c.node, 'input_forget', 0) !== 0) throw refused(c, 'couples its input and forget gates');
  if (intAttribute(c.node, 'layout', 0) !== 0) throw refused(c, 'has examples before steps (layout 1)');
  const stated = stringsAttribute(c.node, 'activations')?.map((name) => name.toLowerCase()) ?? [];
  return directions(c).map((_, d) => {
    const own = usual.map((name, i) => stated[d * usual.length + i] ?? name);
    if (own.some((name, i) => name !== usual[i] && !known.includes(name)))
      throw refused(c, `has the activations ${own.join(', ')}`);
    return own;
  });
}

/** Part d of an axis, which goes. */
function part(c: RuleContext, x: string, axis: number, d: number, dims: readonly number[]): string {
  return reshape(c.b, slice(c.b, x, { starts: [d], ends: [d + 1], axes: [axis] }), dims);
}

type LayerGradients = CellGradients & { readonly byWeights: string };

/**
 * Back-propagation through time. States are read from the forward pass, so the gates of all steps are computed at once; only
 * the way back is a loop, and the weights' gradients are one product over all steps. Y, Y_h (and Y_c) may all be read.
 * Steps beyond an example's length pass its state on. https://onnx.ai/onnx/operators/onnx__LSTM.html
 */
const recurrent =
  (gates: number, usual: readonly string[], known: readonly string[], cell: Cell): Rule =>
  (c) => {
    const { b } = c;
    const type = c.type(0);
    const [steps, n, features] = c.dims(0) as [number, number, number];
    const h = c.dims(2)[2] as number;
    const activations = settings(c, usual, known);
    const y = c.y(0);
    const given = (i: number, axis: number, d: number, dims: readonly number[]): string | null =>
      c.has(i) ? part(c, c.x(i), axis, d, dims) : null;
    const gradientOf = (i: number, axis: number, d: number, dims: readonly number[]): string => {
      const whole = c.gradient(i);
      return whole === null ? zeros(b, type, dims) : part(c, whole, axis, d, dims);
    };
    /** 1 up to each example's last step, then 0. */
    const mask = (): string | null => {
      if (!c.has(4) || (c.isConstant(4) && c.constant(4).every((length) => length >= steps))) return null;
      // Compared as floats: of integers only opset 9 can.
      const places = b.constant(tensor('', 'float32', [steps, 1, 1], range(steps)));
      return cast(b, b.op('Less', [places, reshape(b, cast(b, c.x(4), 'float32'), [1, n, 1])]), type);
    };
    const run = (backwards: boolean, d: number): LayerGradients => {
      const biases = given(3, 0, d, [2, gates * h]);
      const o: Direction = {
        c,
        backwards,
        activations: activations[d] as readonly string[],
        sizes: { steps, n, features, h },
        mask: mask(),
        x: c.x(0),
        w: part(c, c.x(1), 0, d, [gates * h, features]),
        r: part(c, c.x(2), 0, d, [gates * h, h]),
        biases: biases === null ? null : [part(c, biases, 0, 0, [gates * h]), part(c, biases, 0, 1, [gates * h])],
        h: part(c, y, 1, d, [steps, n, h]),
        h0: given(5, 0, d, [n, h]) ?? zeros(b, type, [n, h]),
        c0: given(6, 0, d, [n, h]) ?? zeros(b, type, [n, h]),
        p: given(7, 0, d, [3, h]),
        dy: gradientOf(0, 1, d, [steps, n, h]),
        dh: gradientOf(1, 0, d, [n, h]),
        dc: gradientOf(2, 0, d, [n, h]),
      };
      const found = cell(o);
      return { ...found, byWeights: summedProduct(o, found.byInput, o.x, [gates * h, features]) };
    };
    let found: readonly LayerGradients[] | null = null;
    const all = (): readonly LayerGradients[] => {
      found ??= directions(c).map(run);
      return found;
    };
    /** [directions, ...dims of one] */
    const stacked = (of: (one: LayerGradients) => string, i: number): string => {
      const each = all().map((one) => reshape(b, of(one), [1, ...c.dims(i).slice(1)]));
      return each.length === 1 ? (each[0] as string) : b.op('Concat', each, { axis: 0 });
    };
    return [
      () =>
        all()
          .map((one, d) => b.op('MatMul', [one.byInput, part(c, c.x(1), 0, d, [gates * h, features])]))
          .reduce((left, right) => b.op('Add', [left, right])),
      () => stacked((one) => one.byWeights, 1),
      () => stacked((one) => one.byRecurrence, 2),
      () =>
        stacked(
          (one) =>
            b.op(
              'Concat',
              [one.byInput, one.byState].map((x) => reduceSum(b, x, [0, 1], false)),
              { axis: 0 },
            ),
          3,
        ),
      null,
      () => stacked((one) => one.dh0, 5),
      () => stacked((one) => one.dc0 ?? constant(b, type, 0), 6),
      () => stacked((one) => one.dp ?? constant(b, type, 0), 7),
    ];
  };

export const recurrentRules: readonly RuleLine[] = [
  ['LSTM', 7, NEWEST_OPSET, recurrent(4, ['sigmoid', 'tanh', 'tanh'], [], lstmCell)],
  ['GRU', 7, NEWEST_OPSET, recurrent(3, ['sigmoid', 'tanh'], [], gruCell)],
  ['RNN', 7, NEWEST_OPSET, recurrent(1, ['tanh'], ['relu', 'sigmoid'], rnnCell)],
];
