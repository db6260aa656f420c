import { consumers, type Model, type Node, producers, type Shapes } from '../../../src/onnx/index.js';

/** What a block of an encoder adds to what it was given. */
export interface Branch {
  /** The sum of the two. */
  readonly sum: Node;
  /** Which of its inputs the block has made. */
  readonly input: 0 | 1;
  /** Of that: [rows, tokens, width]. */
  readonly tokens: number;
  readonly width: number;
}

/** What changes nothing in what a tensor is, but how it is laid out. */
const PASSED = /^(Identity|Dropout|Cast|Reshape|Squeeze|Unsqueeze|Flatten|Transpose)$/;
const MEAN = /^(ReduceMean|GlobalAveragePool)$/;

/**
 * The branches of all residual sums that a layer normalisation reads, as one operator or spelled out: attention's and
 * feed-forward's of each block of an encoder. Recognised by structure, since exporters rename.
 */
export function residualBranches({ graph }: Model, shapes: Shapes): readonly Branch[] {
  const [made, read] = [producers(graph), consumers(graph)];
  const isConstant = (name: string): boolean => {
    const node = made.get(name);
    return node === undefined ? graph.initializers.has(name) : PASSED.test(node.opType) && isConstant(node.inputs[0]!);
  };
  const places = new Map(graph.nodes.map((node, i) => [node, i]));
  const placeOf = (name: string): number => places.get(made.get(name)!) ?? -1;
  const readersOf = (name: string) => (read.get(name) ?? []).filter((node) => node.inputs[0] === name);
  const isAveraged = (name: string): boolean =>
    readersOf(name).some(
      ({ opType, outputs }) => MEAN.test(opType) || (PASSED.test(opType) && isAveraged(outputs[0]!)),
    );
  const isNormalised = (name: string): boolean => {
    const readers = readersOf(name);
    if (readers.some(({ opType }) => opType === 'LayerNormalization')) return true;
    return readers.some(({ opType }) => opType === 'Sub') && isAveraged(name);
  };
  /** Made by a matrix of the model's own, with or without a bias. */
  const isProjected = (name: string): boolean => {
    const node = made.get(name);
    if (node === undefined) return false;
    const { opType, inputs } = node;
    if (opType === 'MatMul' || opType === 'Gemm') return isConstant(inputs[1] ?? '');
    if (PASSED.test(opType)) return isProjected(inputs[0]!);
    return opType === 'Add' && inputs.some(isConstant) && inputs.some(isProjected);
  };
  return graph.nodes.flatMap((sum): Branch[] => {
    if (sum.opType !== 'Add' || sum.inputs.some(isConstant) || !isNormalised(sum.outputs[0]!)) return [];
    const projected = sum.inputs.map(isProjected);
    // Where what a block was given is a product too, its own is the later one.
    const later = placeOf(sum.inputs[1]!) > placeOf(sum.inputs[0]!) ? 1 : 0;
    const input = projected[0] && projected[1] ? later : projected[0] ? 0 : 1;
    // Positions are added to projected words too, but are the same for every row.
    const [one, other] = sum.inputs.map((name) => shapes.get(name));
    if (!projected[input] || one?.dataType !== 'float32' || one.dims.length !== 3) return [];
    if (one.dims.join() !== other?.dims.join()) return [];
    return [{ sum, input, tokens: one.dims[1]!, width: one.dims[2]! }];
  });
}
