import { intAttribute, stringAttribute } from '../attributes.js';
import type { GraphBuilder } from '../builder.js';
import { cast, expand, ints, oneHot, product, reduceSum, reshape, zeros } from '../emit.js';
import { OnnxError } from '../error.js';
import { NEWEST_OPSET } from '../opsets.js';
import { elements, tensor } from '../tensor.js';
import { range, wrap } from './axes.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

export function floatType(c: RuleContext): 'float32' | 'float64' {
  const type = c.type(0);
  if (type !== 'float32' && type !== 'float64')
    throw new OnnxError(
      'unsupported-type',
      `The gradient of ${c.node.opType} is there for float32 and float64, not ${type}.`,
    );
  return type;
}

/** Emits `size` rows of which row k is the sum of all `rows` [n, width] whose index (int64 [n]) is k, or k - size. */
export type AddedRows = (
  b: GraphBuilder,
  type: 'float32' | 'float64',
  indices: string,
  rows: string,
  o: { readonly n: number; readonly size: number; readonly width: number },
) => string;

/**
 * Adding into place needs ScatterElements with a reduction (opset 16; not ScatterND, whose threads in onnxruntime overwrite each
 * other's sums where rows repeat); before, the sum is a product with one-hot rows, which takes n * size numbers of memory.
 */
export const addedRows: AddedRows = (b, type, indices, rows, o) => {
  if (b.opset >= 16) {
    const at = expand(b, reshape(b, indices, [o.n, 1]), 'int64', [o.n, 1], [o.n, o.width]);
    return b.op('ScatterElements', [zeros(b, type, [o.size, o.width]), at, rows], { axis: 0, reduction: 'add' });
  }
  const hot =
    b.opset >= 9
      ? oneHot(b, indices, o.size, type)
      : cast(b, b.op('Equal', [reshape(b, indices, [o.n, 1]), ints(b, range(o.size))]), type);
  return product(b, hot, rows, { transX: true });
};

/** Every index tuple becomes the number of its row in the data laid out as rows; rows taken twice get both gradients. */
const gatherND: Rule = (c) => [
  () => {
    const { b } = c;
    const dims = c.dims(0);
    const batchDims = intAttribute(c.node, 'batch_dims', 0);
    const tuple = c.dims(1).at(-1) as number;
    const indexed = dims.slice(batchDims, batchDims + tuple);
    const [batch, n] = [elements(dims.slice(0, batchDims)), elements(c.dims(1).slice(0, -1))];
    const [inBatch, width] = [elements(indexed), elements(dims.slice(batchDims + tuple))];
    const strides = indexed.map((_, i) => elements(indexed.slice(i + 1)));
    // Mod takes the divisor's sign: indices from the end become indices from the start.
    const places = b.op('Mul', [b.op('Mod', [c.x(1), ints(b, indexed)]), ints(b, strides)]);
    const inside = reshape(b, reduceSum(b, places, [c.dims(1).length - 1], false), [batch, n / batch]);
    const starts = b.constant(
      tensor(
        '',
        'int64',
        [batch, 1],
        range(batch).map((i) => i * inBatch),
      ),
    );
    const flat = reshape(b, batch === 1 ? inside : b.op('Add', [inside, starts]), [n]);
    const o = { n, size: batch * inBatch, width };
    return reshape(b, addedRows(b, floatType(c), flat, reshape(b, c.dy, [n, width]), o), dims);
  },
  null,
];

/**
 * Data with updates put in, added, multiplied, or compared at some places. Without a reduction places are distinct, as the
 * operator demands. Of a greatest or least, all that tie share the gradient evenly. Where several updates multiply one place,
 * an update of exactly 0 has no finite form here.
 */
const scatter =
  (taking: 'GatherND' | 'GatherElements'): Rule =>
  (c) => {
    const { b } = c;
    const type = c.type(0);
    const elementwise = taking === 'GatherElements';
    const where = elementwise ? { axis: intAttribute(c.node, 'axis', 0) } : {};
    const reduction = stringAttribute(c.node, 'reduction', 'none');
    const taken = (x: string): string => b.op(taking, [x, c.x(1)], where);
    const put = (x: string, updates: string, how = reduction): string =>
      b.op(c.node.opType, [x, c.x(1), updates], { ...where, ...(how === 'none' ? {} : { reduction: how }) });
    if (reduction === 'none') return [() => put(c.dy, zeros(b, type, c.dims(2))), null, () => taken(c.dy)];
    if (reduction === 'add') return [() => c.dy, null, () => taken(c.dy)];
    if (reduction === 'mul')
      return [
        () => put(c.dy, c.x(2)),
        null,
        () =>
          distinct(c, elementwise)
            ? taken(b.op('Mul', [c.dy, c.x(0)]))
            : b.op('Div', [taken(b.op('Mul', [c.dy, c.y()])), c.x(2)]),
      ];
    const isData = (): string => cast(b, b.op('Equal', [c.x(0), c.y()]), type);
    const isUpdate = (): string => cast(b, b.op('Equal', [c.x(2), taken(c.y())]), type);
    const share = (): string => b.op('Div', [c.dy, put(isData(), isUpdate(), 'add')]);
    return [() => b.op('Mul', [share(), isData()]), null, () => b.op('Mul', [taken(share()), isUpdate()])];
  };

/** Whether no place is named twice; true only where the indices are constant. */
function distinct(c: RuleContext, elementwise: boolean): boolean {
  if (!c.isConstant(1)) return false;
  const [dims, indices] = [c.dims(1), c.constant(1)];
  const axis = elementwise ? wrap(intAttribute(c.node, 'axis', 0), dims.length) : 0;
  const inner = elementwise ? elements(dims.slice(axis + 1)) : 1;
  const size = c.dims(0)[axis] as number;
  const tuple = dims.at(-1) as number;
  const places = elementwise
    ? indices.map((at, i) => [Math.floor(i / (inner * (dims[axis] as number))), wrap(at, size), i % inner].join())
    : range(indices.length / tuple).map((i) =>
        indices
          .slice(i * tuple, (i + 1) * tuple)
          .map((at, k) => wrap(at, c.dims(0)[k] as number))
          .join(),
      );
  return new Set(places).size === places.length;
}

/** The values' gradients go to the places that they were taken from. */
const topK: Rule = (c) => [
  () => {
    const axis = intAttribute(c.node, 'axis', -1);
    const places = c.node.outputs[1];
    if (!places)
      throw new OnnxError('malformed', `TopK '${c.node.name}' has no second output; write down its indices.`);
    const type = c.b.opset >= 11 ? 'ScatterElements' : 'Scatter';
    return c.b.op(type, [zeros(c.b, c.type(0), c.dims(0)), places, c.dy], { axis: wrap(axis, c.dims(0).length) });
  },
  null,
];

export const scatterRules: readonly RuleLine[] = [
  ['GatherND', 11, NEWEST_OPSET, gatherND],
  ['ScatterND', 11, NEWEST_OPSET, scatter('GatherND')],
  ['ScatterElements', 11, NEWEST_OPSET, scatter('GatherElements')],
  ['TopK', 10, NEWEST_OPSET, topK],
];
