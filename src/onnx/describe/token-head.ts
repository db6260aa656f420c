import type { Node } from '../types.js';
import type { Structure } from './structure.js';

/** A head that reads the vector of every token: of a masked language model, of a token classifier, of question answering. */
export interface TokenHead {
  /** Float [N, L, C]: what the head reads. */
  readonly tensor: string;
  /** Nodes of the head, the output's first. */
  readonly nodes: readonly Node[];
  /** Numbers that it gives for each token. */
  readonly outputs: number;
}

const HEAD_NAME = /logit|prob|score|label|predict/i;
/** Give each token's numbers again: renamed, in another shape, or a part of them. */
const SAME = /^(Identity|Dropout|Cast|Squeeze|Unsqueeze|Split|Slice|Gather|Softmax|LogSoftmax|Sigmoid)$/;
/** Heads have one layer below the last (a masked language model's transform); more were never seen. */
const MOST_LAYERS = 2;

/**
 * The head over each token that ends in `output` ([N, L, K], or [N, L] as scores of places are). Its last layer gives numbers of
 * another count than it reads, or is named for what it is. Below it, a masked language model has a transform: a layer, an
 * activation and a norm, all of one token by itself; an encoder's last block is none, for it adds what came before (its
 * residual). null where the output is the encoder's own.
 */
export function tokenHead(s: Structure, output: string): TokenHead | null {
  const nodes: Node[] = [];
  let at = output;
  for (let node = s.node(at); node && SAME.test(node.opType); node = s.node(at)) {
    nodes.push(node);
    at = node.inputs[0] ?? '';
  }
  const last = tokenLayer(s, at);
  if (last === null) return null;
  if (last.outputs === last.width && !HEAD_NAME.test(output)) return null;
  nodes.push(...last.nodes);
  let { tensor, passed } = peeled(s, last.input);
  nodes.push(...passed);
  for (let layers = 1; layers < MOST_LAYERS; layers++) {
    const below = transform(s, tensor);
    if (below === null) break;
    ({ tensor, passed } = peeled(s, below.tensor));
    nodes.push(...below.nodes, ...passed);
  }
  return { tensor, nodes, outputs: last.outputs };
}

/** Below what only renames. */
function peeled(s: Structure, from: string): { tensor: string; passed: readonly Node[] } {
  const passed: Node[] = [];
  let tensor = from;
  for (let node = s.node(tensor); node && /^(Identity|Dropout)$/.test(node.opType); node = s.node(tensor)) {
    passed.push(node);
    tensor = node.inputs[0] ?? '';
  }
  return { tensor, passed };
}

interface TokenLayer {
  readonly input: string;
  readonly width: number;
  readonly outputs: number;
  readonly nodes: readonly Node[];
}

/** A fully connected layer with constant weights over the last axis of [N, L, C], a constant added or not. */
function tokenLayer(s: Structure, tensor: string): TokenLayer | null {
  const node = s.node(tensor);
  if (node === undefined || s.dims(tensor).length !== 3) return null;
  const [moving, ...others] = movingInputs(s, node);
  if (moving === undefined || others.length > 0) return null;
  if (node.opType === 'Add') {
    const below = tokenLayer(s, moving);
    return below && { ...below, nodes: [node, ...below.nodes] };
  }
  if (node.opType !== 'MatMul' || node.inputs[0] !== moving) return null;
  const [width, outputs] = [s.dims(moving).at(-1) ?? 0, s.dims(tensor).at(-1) ?? 0];
  return { input: moving, width, outputs, nodes: [node] };
}

const movingInputs = (s: Structure, node: Node): readonly string[] => [
  ...new Set(node.inputs.filter((input) => s.node(input) && !s.isConstant(input))),
];

/**
 * What stands between `tensor` and the one layer that it is made of, token by token: null where there is no activation or norm in
 * between, where several layers lead here (a residual), or tokens are mixed (attention).
 */
function transform(s: Structure, tensor: string): { tensor: string; nodes: readonly Node[] } | null {
  if (tokenLayer(s, tensor) !== null) return null;
  const layers = new Map<string, TokenLayer>();
  const seen = new Set<Node>();
  const stack = [tensor];
  for (let name = stack.pop(); name !== undefined; name = stack.pop()) {
    const node = s.node(name);
    if (node === undefined || seen.has(node)) continue;
    const layer = tokenLayer(s, name);
    if (layer !== null) {
      layers.set(layer.input, layer);
      for (const one of layer.nodes) seen.add(one);
      continue;
    }
    if (/^(MatMul|Gemm|Gather|Einsum|Conv)$/.test(node.opType)) return null;
    seen.add(node);
    stack.push(...movingInputs(s, node));
  }
  const [layer] = layers.values();
  return layer === undefined || layers.size > 1 ? null : { tensor: layer.input, nodes: [...seen] };
}
