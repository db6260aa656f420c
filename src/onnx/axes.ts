import { intAttribute, intsAttribute } from './attributes.js';
import { constantNumbers, constantTensor, producers, statedType } from './graph.js';
import type { Graph, Node } from './types.js';

/**
 * What the axes of a tensor mean: 'map' [N, C, ...places], 'lastMap' [N, h, w, C], 'tokens' [N, L, C], or 'row',
 * everything else: one row per example once it is laid out flat.
 */
export type Layout = 'map' | 'lastMap' | 'tokens' | 'row';

/** These give out the axes that they were given, of any of their inputs. */
const KEEPS =
  /^(Relu|LeakyRelu|PRelu|Clip|Elu|Selu|Celu|Sigmoid|Tanh|HardSigmoid|HardSwish|Gelu|Mish|Swish|Erf|Softplus|Softsign|Softmax|LogSoftmax|Add|Sub|Mul|Div|Pow|Sqrt|Exp|Neg|Abs|Sum|Max|Min|Mean|Where|BatchNormalization|InstanceNormalization|GroupNormalization|LayerNormalization|RMSNormalization|LpNormalization|Identity|Dropout|Cast|Pad|Slice|Split|Concat|Expand|QuantizeLinear|DequantizeLinear|QLinearAdd|QLinearMul|QLinearSigmoid|QLinearConcat)$/;
const MAKES_MAP =
  /^(Conv|QLinearConv|FusedConv|ConvTranspose|MaxPool|AveragePool|QLinearAveragePool|LpPool|Resize|Upsample|LRN)$/;
const POOLS = /^(GlobalAveragePool|GlobalMaxPool|GlobalLpPool|QLinearGlobalAveragePool)$/;

interface Looked {
  readonly graph: Graph;
  readonly made: ReadonlyMap<string, Node>;
  readonly ranks: Map<string, number | null>;
  readonly layouts: Map<string, Layout | null>;
}

/**
 * Told from the operators that made the tensor and from nothing else, so that the same graph has the same answer wherever it
 * is asked; a map whose places were averaged to one is a row.
 */
export const layoutOf = (graph: Graph, name: string): Layout => layouts(graph)(name);

/** `layoutOf` for many tensors of one graph. */
export function layouts(graph: Graph): (name: string) => Layout {
  const looked: Looked = { graph, made: producers(graph), ranks: new Map(), layouts: new Map() };
  return (name) => {
    const layout = search(looked, name);
    if (layout !== null && layout !== 'tokens') return layout;
    return rank(looked, name) === 3 ? 'tokens' : 'row';
  };
}

/** Back to the operator that says which axis the channels are; null where none does. */
function search(looked: Looked, name: string): Layout | null {
  const known = looked.layouts.get(name);
  if (known !== undefined) return known;
  // Entered before its inputs are looked at; graphs have no cycles, but wide ones have many ways back.
  looked.layouts.set(name, null);
  const node = looked.made.get(name);
  const found = node === undefined || node.opType === 'Constant' ? null : toldBy(looked, node, name);
  looked.layouts.set(name, found);
  return found;
}

function toldBy(looked: Looked, node: Node, name: string): Layout | null {
  const { opType } = node;
  if (MAKES_MAP.test(opType)) return 'map';
  if (POOLS.test(opType)) return averagesTokens(looked, node) ? null : 'row';
  if (opType === 'Transpose') {
    const perm = (intsAttribute(node, 'perm') ?? []).join();
    if (perm === '0,2,3,1') return 'lastMap';
    return perm === '0,3,1,2' ? 'map' : null;
  }
  const normal = opType === 'LayerNormalization' && [-1, 3].includes(intAttribute(node, 'axis', -1));
  const weighed = opType === 'MatMul' && rank(looked, node.inputs[1] ?? '') === 2;
  if ((normal || weighed) && rank(looked, name) === 4) return 'lastMap';
  if (!KEEPS.test(opType)) return null;
  // Numbers of the whole picture may scale a map, as in squeeze and excitation: then it stays one.
  const layouts = node.inputs.map((input) => search(looked, input));
  return layouts.find((layout) => layout === 'map' || layout === 'lastMap') ?? layouts.find(Boolean) ?? null;
}

/** tf2onnx writes the mean within each token, of a normalisation, as a pool of [N, L, C]; who pools over tokens turns them before. */
function averagesTokens(looked: Looked, node: Node): boolean {
  const input = node.inputs[0] ?? '';
  return rank(looked, input) === 3 && looked.made.get(input)?.opType !== 'Transpose' && search(looked, input) === null;
}

/** Number of axes; null where the graph does not tell. */
function rank(looked: Looked, name: string): number | null {
  const known = looked.ranks.get(name);
  if (known !== undefined) return known;
  looked.ranks.set(name, null);
  const { graph, made } = looked;
  const node = made.get(name);
  const constant = constantTensor(graph, made, name);
  const found =
    constant !== null ? constant.dims.length : node === undefined ? null : (rankMadeBy(looked, node) ?? null);
  const answer = found ?? statedType(graph, name)?.shape?.length ?? null;
  looked.ranks.set(name, answer);
  return answer;
}

function rankMadeBy(looked: Looked, node: Node): number | null {
  const of = (i: number): number | null => rank(looked, node.inputs[i] ?? '');
  const data = of(0);
  const { opType } = node;
  if (opType === 'Flatten' || opType === 'Gemm') return 2;
  if (/^(Conv|ConvTranspose|FusedConv)$/.test(opType)) return of(1) ?? data;
  if (opType === 'QLinearConv') return of(3) ?? data;
  if (opType === 'Transpose') return intsAttribute(node, 'perm')?.length ?? data;
  if (opType === 'Reshape') return length(looked, node.inputs[1] ?? '');
  if (opType === 'Expand') return most([data, length(looked, node.inputs[1] ?? '')]);
  if (opType === 'Gather') return both(data, of(1), (x, indices) => x + indices - 1);
  if (opType === 'MatMul') return most([data, of(1)]);
  if (opType === 'Squeeze' || opType === 'Unsqueeze') {
    const axes = intsAttribute(node, 'axes')?.length ?? length(looked, node.inputs[1] ?? '');
    return both(data, axes, (x, n) => (opType === 'Squeeze' ? x - n : x + n));
  }
  if (/^Reduce/.test(opType)) {
    if (intAttribute(node, 'keepdims', 1) !== 0) return data;
    const axes = intsAttribute(node, 'axes')?.length ?? (node.inputs[1] ? length(looked, node.inputs[1]) : data);
    return both(data, axes, (x, n) => x - n);
  }
  if (MAKES_MAP.test(opType) || POOLS.test(opType) || /^(Slice|Pad|Split|Concat|Where)$/.test(opType))
    return opType === 'Where' ? most([of(1), of(2)]) : (data ?? (opType === 'Concat' ? of(1) : null));
  return KEEPS.test(opType) ? most(node.inputs.map((_, i) => of(i))) : null;
}

/** Elements of a tensor of one axis: of a constant, or of pieces put one behind the other. */
function length(looked: Looked, name: string): number | null {
  const numbers = constantNumbers(looked.graph, looked.made, name);
  if (numbers !== null) return numbers.length;
  const node = looked.made.get(name);
  if (node?.opType === 'Cast') return length(looked, node.inputs[0] ?? '');
  if (node?.opType === 'Unsqueeze') return 1;
  if (node?.opType === 'Shape' && node.attributes.size === 0) return rank(looked, node.inputs[0] ?? '');
  if (node?.opType !== 'Concat') return statedLength(looked.graph, name);
  const parts = node.inputs.map((input) => length(looked, input));
  return parts.includes(null) ? null : parts.reduce<number>((sum, n) => sum + (n ?? 0), 0);
}
function statedLength(graph: Graph, name: string): number | null {
  const size = statedType(graph, name)?.shape;
  return size?.length === 1 && typeof size[0] === 'number' ? size[0] : null;
}

const both = (a: number | null, b: number | null, of: (a: number, b: number) => number): number | null =>
  a === null || b === null ? null : of(a, b);
/** The largest of those that are known: broadcasting never takes an axis away. */
const most = (ranks: readonly (number | null)[]): number | null => {
  const known = ranks.filter((r) => r !== null);
  return known.length === 0 ? null : Math.max(...known);
};
